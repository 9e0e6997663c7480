"""The console's commands that share and pass on sessions: bodies, answers, and what is not understood."""

from typing import Any

import pytest
from django.test import Client
from tests.unit.web.conftest import actor_for
from tests.unit.web.support.helpers import waiting

from farhand.web.accounts import presence, teams
from farhand.web.project.service import SYSTEM, Actor

pytestmark = pytest.mark.django_db
NOBODY = "0199a000-0000-7000-8000-000000000001"


class Console:
    """A signed-in browser that speaks JSON."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def post(self, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        """Call a command."""
        answer = self.client.post(f"/api/console/sessions/{path}", body or {}, "application/json")
        assert answer.status_code == status, answer.content
        content: dict[str, Any] = answer.json()
        return content

    def get(self, path: str) -> Any:
        """Read."""
        return self.client.get(f"/api/console/{path}").json()


def test_two_consoles_share_and_pass_on(rep: Actor, anonymous: Actor, make_user: Any, sign_in: Any) -> None:
    user = make_user("ann", "perm_support_allowed", "perm_collaborate", "perm_accept_team_sessions")
    ann_id, rep_id = user.id, rep.subject.id
    team = teams.create_team(SYSTEM, name="Desk").id
    teams.set_members(SYSTEM, team_id=team, members={rep_id: "member", ann_id: "member"})
    presence.replace(SYSTEM, user_ids=[rep_id, ann_id])
    session, _endpoint = waiting(actor_for(rep.user), anonymous)
    mine, hers = Console(sign_in(rep.user)), Console(sign_in(user))
    mine.post(f"{session}/accept", {"tab": "mine"})
    lists = {"teams": [{"id": team, "name": "Desk", "own": True}],
             "representatives": [{"id": ann_id, "name": "Ann", "teams": [team], "by_mail": False}]}  # fmt: skip
    assert mine.get(f"sessions/{session}/targets") == {"transfer": lists, "share": {**lists, "issues": []}}
    mine.post(f"{session}/share", {"target": f"user:{ann_id}"})
    (invitation,) = hers.get("snapshot")["collections"]["invitations"]
    accept = f"{session}/invitations/{invitation['id']}/accept"
    assert set(hers.post(accept, {"tab": "hers"})) == {"session", "ticket", "leg", "grants"}
    assert hers.post(accept, {"tab": "hers"}, 404)["error"]["text"] == "This invitation is not open any more."
    mine.post(f"{session}/remove-member", {"user_id": ann_id})
    mine.post(f"{session}/transfer", {"target": f"team:{team}"})
    (offered,) = hers.get("snapshot")["collections"]["invitations"]
    mine.post(f"{session}/invitations/{offered['id']}/cancel")
    mine.post(f"{session}/share", {"target": f"user:{ann_id}"})
    (again,) = hers.get("snapshot")["collections"]["invitations"]
    hers.post(f"{session}/invitations/{again['id']}/decline")
    mine.post(f"{session}/pause")
    mine.post(f"{session}/transfer", {"target": f"team:{team}"})
    hers.post(f"{session}/accept", {"tab": "hers"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("transfer", {}, 400),
        ("transfer", {"target": "site"}, 400),
        ("transfer", {"target": f"user:{NOBODY}", "more": 1}, 400),
        ("transfer", {"target": f"user:{NOBODY}"}, 409),
        ("share", {}, 400),
        ("share", {"target": 1}, 400),
        ("share", {"issue_id": "x"}, 400),
        ("share", {"issue_id": NOBODY}, 400),
        ("share", {"target": f"team:{NOBODY}"}, 409),
        ("remove-member", {"user_id": "me"}, 400),
        ("remove-member", {"user_id": NOBODY}, 409),
        ("pause", {"why": ""}, 400),
        (f"invitations/{NOBODY}/accept", {"tab": "t"}, 404),
        ("invitations/x/accept", {"tab": "t"}, 404),
        (f"invitations/{NOBODY}/accept", {}, 400),
        (f"invitations/{NOBODY}/decline", {}, 404),
        (f"invitations/{NOBODY}/cancel", {}, 409),
    ],
)
def test_wrong_input_has_one_sentence(
    rep: Actor, anonymous: Actor, sign_in: Any, path: str, body: Any, status: int
) -> None:
    session, _endpoint = waiting(rep, anonymous)
    console = Console(sign_in(rep.user))
    console.post(f"{session}/accept", {"tab": "mine"})
    assert console.post(f"{session}/{path}", body, status)["error"]["text"].endswith(".")
