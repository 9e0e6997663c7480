"""Which shells of the journal are not in the recording, where an endpoint's numbers come more than once."""

from typing import Any

import pytest
from tests.unit.web.reports.test_reports import START, add_event, make_session

from farhand.protocol.channels import Kind, channel
from farhand.recording import cast
from farhand.web.reports import unrecorded

pytestmark = pytest.mark.django_db


def recorded(number: int, opened_ms: int) -> cast.Shell:
    return cast.Shell(1, channel(Kind.SHELL, number), START + opened_ms)


def told(session: Any, *shells: cast.Shell) -> list[tuple[str, int, int | None]]:
    found = unrecorded.of_session(session, None, shells)
    return [(one.by, one.opened_ms - START, one.closed_ms and one.closed_ms - START) for one in found]


def test_a_shell_whose_program_was_killed_is_not_the_next_one_of_its_number(make_user: Any) -> None:
    session = make_session(make_user("owner", "perm_support_allowed"))
    add_event(session, 3, "shell-opened", by="Quiet", shell=1, open=1)
    # The endpoint's program was killed and said no more; the new one's first shell is recorded.
    add_event(session, 30, "shell-opened", by="Rep", shell=1, open=1)
    add_event(session, 40, "shell-closed", by="Rep", shell=1, open=0)
    assert told(session, recorded(1, 30_010)) == [("Quiet", 3000, 30_000)]
    assert told(session, recorded(1, 29_990)) == [("Quiet", 3000, 30_000)], "the frame may come before the line"
    assert told(session, recorded(1, 3010)) == [("Rep", 30_000, 40_000)]
    assert told(session, recorded(1, 3010), recorded(1, 30_010)) == []
    assert told(session) == [("Quiet", 3000, 30_000), ("Rep", 30_000, 40_000)]


def test_a_recorded_shell_is_one_of_the_journals(make_user: Any) -> None:
    session = make_session(make_user("owner", "perm_support_allowed"))
    add_event(session, 3, "shell-opened", by="Rep", shell=1, open=1)
    add_event(session, 5, "shell-closed", by="Rep", shell=1, open=0)
    add_event(session, 6, "shell-opened", by="Quiet", shell=1, open=1)
    add_event(session, 8, "shell-closed", by="Quiet", shell=1, open=0)
    # Recorded is the first; by its time alone it could be the second too.
    assert told(session, recorded(1, 3005)) == [("Quiet", 6000, 8000)]
    assert told(session, recorded(1, 5995)) == [("Rep", 3000, 5000)]
    assert told(session, recorded(2, 3005)) == [("Rep", 3000, 5000), ("Quiet", 6000, 8000)]
