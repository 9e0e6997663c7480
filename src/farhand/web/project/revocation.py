"""What somebody may do has changed: the one place that every service calls which takes or gives access.

Rules: it is called inside the service that changes access, after the new state is stored, for more as for less. Areas
with running things register a review, which judges those things anew by the rules. When less may be seen, event sockets
are closed after the commit: the console comes back with a fresh snapshot of what its user may see now, or learns that
there is nothing for it any more.
"""

from collections.abc import Callable, Collection

from farhand.protocol.bus import ListenersEnd
from farhand.web.project import bus
from farhand.web.project.service import Change, now_ms

Review = Callable[[Change, Collection[str] | None], None]

_reviews: list[Review] = []


def register_review(review: Review) -> None:
    """An area with running things tells here how to judge those of some users (None: of everybody) anew."""
    _reviews.append(review)


def access_changed(change: Change, user_ids: Collection[str] | None, *, reduced: Collection[str] | bool) -> None:
    """These users (None: everybody) may do more or less than a moment ago.

    `reduced`: who of them may see less, or whether all of them may: their event sockets are closed.
    """
    if user_ids is not None and not user_ids:
        return
    for review in _reviews:
        review(change, user_ids)
    if reduced:
        end_listening(change, user_ids if isinstance(reduced, bool) else reduced)


def end_listening(change: Change, user_ids: Collection[str] | None) -> None:
    """Close the event sockets of these users (None: everybody) after the commit, and make their tickets worthless."""
    wanted: list[str | None] = [None] if user_ids is None else [*sorted(user_ids)]

    def publish() -> None:
        # The time is that of the commit: a ticket that was signed while this change ran knows nothing of it.
        for user_id in wanted:
            bus.publish(ListenersEnd(user_id=user_id, at_ms=now_ms()))

    change.after_commit(publish)
