"""Rules for waiting sessions and for lost representatives: every way ends, and no queue is entered twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farhand.rules.routing import GRACE_MS, PERSONAL, Fallback, Rule, Trail, fallback_queue, next_step

QUEUES = ["team:a", "team:b", "team:c", "user:ann", "user:bob"]
RULES = st.lists(
    st.builds(
        Rule,
        id=st.uuids().map(str),
        source=st.sampled_from(["team:a", "team:b", "team:c", PERSONAL]),
        when=st.sampled_from(["waited", "nobody"]),
        after_ms=st.integers(0, 100_000),
        target=st.sampled_from(["", *QUEUES]),
        text=st.just("hello"),
    ),
    max_size=12,
    unique_by=lambda rule: rule.id,
)
SETS = st.sets(st.sampled_from(QUEUES))


#
@settings(deadline=None)
@given(rules=RULES, start=st.sampled_from(QUEUES), attended=SETS, usable=SETS, waits=st.lists(st.integers(0, 200_000)))
def test_every_way_ends_without_a_loop(
    rules: list[Rule], start: str, attended: set[str], usable: set[str], waits: list[int]
) -> None:
    queue, trail, entered, told = start, Trail(), [start], []
    for waited in [*waits, *[10**9] * (len(rules) + 2)]:
        step = next_step(queue, waited, trail, rules, attended=attended.__contains__, usable=usable.__contains__)
        if step is None:
            continue
        rule = step.rule
        assert rule in rules
        assert rule.id not in trail.done
        assert rule.source == queue or (rule.source == PERSONAL and queue.startswith("user:"))
        assert rule.when != "waited" or waited >= rule.after_ms
        assert rule.when != "nobody" or (waited >= GRACE_MS and queue not in attended)
        if rule.target:
            assert rule.target in usable
            assert step.trail.queues == (*trail.queues, queue)
            queue = rule.target
            entered.append(queue)
        else:
            told.append(rule.id)
            assert step.trail.said == "hello"
        trail = step.trail
    assert len(set(entered)) == len(entered), "a queue was entered twice"
    assert len(set(told)) == len(told)
    assert len(trail.done) == len(entered) - 1 + len(told) <= len(rules)
    # After so much time nothing is left to do.
    last = next_step(queue, 10**9, trail, rules, attended=attended.__contains__, usable=usable.__contains__)
    assert last is None


#
def test_the_first_rule_that_applies_and_can_be_followed() -> None:
    rules = [
        Rule(id="1", source="team:a", when="waited", after_ms=60_000, target="team:gone"),
        Rule(id="2", source="team:a", when="nobody", target="user:ann"),
        Rule(id="3", source="team:a", when="waited", after_ms=60_000, text="Please be patient."),
        Rule(id="4", source=PERSONAL, when="waited", after_ms=1, target="team:a"),
    ]

    def ask(queue: str, waited_ms: int, trail: Trail = Trail(), here: str = "team:a") -> str:  # noqa: B008
        step = next_step(
            queue, waited_ms, trail, rules, attended=here.__eq__, usable=lambda queue: queue != "team:gone"
        )
        return step.rule.id if step else ""

    assert ask("team:a", 59_999) == ""
    assert ask("team:a", 60_000) == "3"
    assert ask("team:a", 60_000, Trail(done=("3",))) == ""
    assert ask("team:a", GRACE_MS - 1, here="") == ""
    assert ask("team:a", GRACE_MS, here="") == "2"
    assert ask("user:bob", 1) == "4"
    assert ask("user:ann", 1, Trail(queues=("team:a",))) == ""
    assert ask("team:b", 10**9) == ""


#
@given(
    kind=st.sampled_from(["support", "jump"]),
    last=st.sampled_from(["", *QUEUES]),
    entry=st.sampled_from(["", *QUEUES]),
    options=st.builds(
        Fallback,
        last=st.sampled_from([(), ("support",), ("support", "jump")]),
        entry=st.sampled_from([(), ("support",), ("jump",)]),
        fallback=st.sampled_from([(), ("support", "jump")]),
        queue=st.sampled_from(["", *QUEUES]),
    ),
    usable=SETS,
    persistent=st.sets(st.sampled_from(["team:a", "team:b"])),
)
def test_a_lost_session_goes_into_a_queue_or_ends(
    kind: str, last: str, entry: str, options: Fallback, usable: set[str], persistent: set[str]
) -> None:
    found = fallback_queue(
        kind, "ann", last, entry, options, usable=usable.__contains__, persistent=persistent.__contains__
    )
    if last in persistent:
        assert found == last
    elif found is None:
        assert not (kind in options.last and (last or "user:ann") in usable)
        assert not (kind in options.entry and entry in usable)
        assert not (kind in options.fallback and options.queue in usable)
    else:
        assert found in usable


@pytest.mark.parametrize(
    ("kind", "last", "usable", "expected"),
    [
        ("support", "team:a", {"team:a", "user:ann"}, "team:a"),
        ("support", "team:a", {"team:b"}, "team:b"),
        ("support", "", {"user:ann"}, "user:ann"),
        ("support", "team:a", {"user:ann"}, None),
        ("jump", "", {"team:b"}, None),
        ("jump", "user:ann", {"user:ann"}, "user:ann"),
    ],
)
def test_by_itself_it_goes_back_where_it_was_accepted(
    kind: str, last: str, usable: set[str], expected: str | None
) -> None:
    never = frozenset[str]().__contains__
    found = fallback_queue(kind, "ann", last, "team:b", Fallback(), usable=usable.__contains__, persistent=never)
    assert found == expected
