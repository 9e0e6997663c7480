"""Every operation by everybody: the whole of who may do what, in one table.

A line: the action | who may where it is their own affair (own object, own queue, team and session, administrator of the
Jump Group) | who may where it is somebody else's. `=`: the same, `-`: nobody. People are kinds of subject (`user`:
whoever has signed in) or permissions without `perm_`: `a+b` needs both, `a, b` one of them. Asked are all kinds, an
account without permissions, one with each single permission, one with each combination of the table, and one with that
combination less each of its parts. Rules: an action of `farhand.rules.policies` without a line fails, and so does a
line without an action; that every service has an action says `tests/unit/web/accounts/test_registry.py`.
"""

from collections.abc import Iterator

import pytest

from farhand.rules.access import Context, Object, Subject, decide, policies
from farhand.rules.grants import CLIPBOARD
from farhand.rules.permissions import DENIALS, NAMES, expand

TABLE = """
accounts.appliance.claim             | -                               | -
accounts.claim_link.create           | -                               | -
accounts.user.create                 | system, admin                   | =
accounts.user.edit                   | system, admin                   | =
accounts.user.disable                | system, admin                   | =
accounts.user.set_password           | system, set_passwords           | system, admin
accounts.user.change_own_password    | user                            | -
accounts.user.change_profile         | change_display_name             | -
accounts.user.set_available          | extended_availability_mode_allowed | -
accounts.user.enable_second_factor   | user                            | -
accounts.user.disable_second_factor  | system, user                    | system, admin
accounts.user.sign_in                | anonymous, user                 | =
accounts.user.sign_out               | user                            | -
accounts.users.view                  | system, set_passwords           | =
accounts.self.view                   | user                            | =
accounts.group_policies.view         | system, admin                   | =
accounts.group_policy.create         | system, admin                   | =
accounts.group_policy.edit           | system, admin                   | =
accounts.group_policy.remove         | system, admin                   | =
accounts.teams.view                  | system, edit_sd_teams           | =
accounts.team.create                 | system, edit_sd_teams           | =
accounts.team.edit                   | system, edit_sd_teams           | =
accounts.team.remove                 | system, edit_sd_teams           | =
accounts.team.set_members            | system, edit_sd_teams           | =
accounts.favourite.set, of a team       | user                            | -
accounts.presence.note               | system                          | =
accounts.presence.replace            | system                          | =
accounts.appliance_user.sign_in      | anonymous, appliance-user       | =
accounts.appliance_user.set_password | system                          | =
accounts.appliance_user.sign_out     | appliance-user                  | =

appliance.actions.edit               | system, admin                   | =
appliance.actions.view               | system, admin                   | =
appliance.security.edit              | system, admin                   | =
appliance.security.view              | system, admin                   | =
appliance.software.view              | system, admin                   | =
appliance.status.view                | user                            | =
appliance.box.view                   | appliance-user                  | =

chat.message.post, of a team         | user                            | -
chat.message.expire                  | system                          | =

jobs.job.cancel                      | user                            | admin
jobs.job.claim                       | system                          | =
jobs.job.beat                        | system                          | =
jobs.job.finish                      | system                          | =
jobs.job.fail                        | system                          | =
jobs.job.put_back                    | system                          | =
jobs.job.put_off                     | system                          | =
jobs.job.expire                      | system                          | =

jump.clients.view                    | jump_client                     | =
jump.groups.view                     | system, edit_jump_groups        | =
jump.group.create                    | system, edit_jump_groups        | =
jump.group.edit                      | system, edit_jump_groups        | =
jump.group.remove                    | system, edit_jump_groups        | =
jump.group.set_members               | system, edit_jump_groups        | =
jump.enrolment.create                | system, jump_client             | system, admin
jump.enrolment.revoke                | system, jump_client             | system, admin
jump.client.enrol                    | anonymous                       | =
jump.client.edit                     | system, jump_client             | system, admin
jump.client.remove                   | system, jump_client             | system, admin
jump.client.set_password             | system, jump_client             | system, admin
jump.client.start                    | jump_client                     | -
jump.client.start, no password       | -                               | -
jump.client.pin                      | anonymous                       | =
jump.client.unpin                    | anonymous                       | =
jump.pin.order                       | system, jump_client             | system, admin
jump.unpin.order                     | system, jump_client             | system, admin
jump.links.apply                     | system                          | =

mail.settings.view                   | system, admin                   | =
mail.settings.edit                   | system, admin                   | =
mail.test.send                       | system, admin                   | =
mail.message.note                    | system                          | =
mail.message.forget                  | system                          | =

portals.key_mail.edit                | system, admin                   | =
portals.portals.view                 | system, edit_public_template    | =
portals.portal.create                | system, edit_public_template    | =
portals.portal.edit                  | system, edit_public_template    | =
portals.portal.edit_invitation       | system, edit_public_template    | =
portals.portal.remove                | system, edit_public_template    | =

reports.session.list                 | USER, TEAM, GROUP               | =
reports.session.view                 | USER, TEAM, GROUP               | ALL
reports.recording.view               | USER+VIDEO, TEAM+VIDEO, GROUP+VIDEO | ALL+VIDEO
reports.recording.verify             | USER+VIDEO, TEAM+VIDEO, GROUP+VIDEO | ALL+VIDEO
reports.recording.export             | USER+VIDEO, TEAM+VIDEO, GROUP+VIDEO | ALL+VIDEO
reports.recording.expire             | system                          | =
reports.session.expire               | system                          | =
reports.check.note                   | system                          | =
reports.check.finish                 | system                          | =

routing.issues.view                  | system, edit_issues             | =
routing.issue.create                 | system, edit_issues             | =
routing.issue.edit                   | system, edit_issues             | =
routing.issue.remove                 | system, edit_issues             | =
routing.rules.view                   | system, edit_sd_teams           | =
routing.rule.create                  | system, edit_sd_teams           | =
routing.rule.edit                    | system, edit_sd_teams           | =
routing.rule.remove                  | system, edit_sd_teams           | =
routing.session.follow               | system                          | =
routing.fallback.view                | system, admin                   | =
routing.fallback.edit                | system, admin                   | =
routing.help.ask                     | anonymous, user                 | =
routing.help.forget                  | system                          | =

scripts.scripts.view                 | system, edit_canned_scripts     | =
scripts.script.create                | system, edit_canned_scripts     | =
scripts.script.edit                  | system, edit_canned_scripts     | =
scripts.script.remove                | system, edit_canned_scripts     | =
scripts.script.order                 | user                            | -

support.session_key.create           | HELP+generate_session_key       | =
support.session_key.mail             | HELP+generate_session_key       | -
support.session_key.use              | anonymous, user                 | =
support.session_key.expire           | system                          | =
support.customer.start               | customer                        | -
support.customer.chat                | customer                        | -
support.customer.end                 | customer                        | -
support.session.accept               | HELP                            | -
support.session.accept, of a team    | HELP+accept_team_sessions       | -
support.session.next                 | HELP+next_session_button        | =
support.session.could_own            | HELP                            | =
support.session.could_own, a Jump    | jump_client                     | -
support.session.could_join           | HELP+collaborate                | =
support.session.could_join, a Jump   | jump_client+collaborate         | -
support.session.ticket               | HELP                            | -
support.session.ticket, of a guest   | HELP+collaborate                | -
support.session.ticket, a Jump       | jump_client                     | -
support.session.leave                | HELP                            | -
support.session.end                  | system, user                    | system, admin
support.session.transfer             | HELP                            | -
support.session.transfer, away       | HELP+transfer_other_team        | -
support.session.share                | HELP                            | -
support.session.share, away          | HELP+share_other_team           | -
support.session.remove_member        | HELP                            | -
support.session.disconnect_customer  | HELP                            | -
support.session.request_client       | HELP                            | -
support.session.pause                | HELP                            | -
support.invitation.cancel            | HELP                            | -
support.invitation.accept            | HELP+collaborate                | -
support.invitation.decline           | user                            | -
support.session.return_to_queue      | system                          | =
support.session.import               | system                          | =
support.session.renew_keys           | system                          | =
support.session.note_leg             | system                          | =
support.session.forget_legs          | system                          | =
support.session.expire               | system                          | =
support.session.abandon              | system                          | =

support.tool.follow                  | agent, customer, HELP                                           | =
support.tool.chat                    | agent, customer, HELP+session_chat.allow                        | =
support.tool.chat, in a chat         | agent, customer, HELP+session_chat.allow                        | =
support.tool.follow, in a chat       | agent, customer, HELP                                           | =
support.tool.shell, in a chat        | -                                                               | -
support.tool.view_screen, in a chat  | -                                                               | -
support.tool.view_screen             | agent, customer, HELP+session_screen.view                       | =
support.tool.control_screen          | agent, customer, HELP+session_screen.control                    | =
support.tool.privacy                 | agent, customer, HELP+session_privacy.allow                     | =
support.tool.upload_files            | agent, customer, HELP+session_files.upload                      | =
support.tool.download_files          | agent, customer, HELP+session_files.download                    | =
support.tool.delete_files            | agent, customer, HELP+session_files.manage                      | =
support.tool.shell                   | agent, customer, HELP+session_shell.allow                       | =
support.tool.shell, a Jump           | agent, customer, jump_client+session_shell.allow                | =
support.tool.scripts                 | agent, customer, HELP+session_scripts.allow                     | =
support.tool.actions                 | agent, customer, HELP+session_actions.allow                     | =
support.tool.pin                     | agent, customer, HELP+session_pin.allow                         | =
support.tool.reboot                  | agent, customer, HELP+session_reboot.allow                      | =
support.tool.send_clipboard          | agent, customer, HELP+session_clipboard.send                    | =
support.tool.take_clipboard          | agent, customer, HELP+session_clipboard.both                    | =
"""
SHORT = {
    "HELP": "support_allowed",
    "VIDEO": "view_sd_recordings",
    "USER": "view_support_reports.user_sessions",
    "TEAM": "view_support_reports.team_sessions",
    "GROUP": "view_support_reports.jump_group_sessions",
    "ALL": "view_support_reports.all_sessions",
}
KINDS = ("system", "anonymous", "user", "appliance-user", "agent", "customer")
ME, TEAM, GROUP = "me", "team", "group"
CONTEXT = Context(switches=frozenset({CLIPBOARD}))


def people(text: str) -> tuple[frozenset[str], list[frozenset[str]]]:
    """Kinds and combinations of permissions of one cell."""
    words = [word.strip() for word in text.split(",") if word.strip() not in {"", "-"}]
    combinations = [
        frozenset(f"perm_{SHORT.get(part, part)}" for part in word.split("+")) for word in words if word not in KINDS
    ]
    return frozenset(word for word in words if word in KINDS), combinations


def lines() -> Iterator[tuple[str, str, str, str]]:
    """Action, circumstances, own affairs, others' affairs."""
    for line in TABLE.splitlines():
        if line:
            what, mine, others = (cell.strip() for cell in line.split("|"))
            action, _, circumstances = what.partition(", ")
            yield action, circumstances, mine, mine if others == "=" else others


def thing(circumstances: str, *, mine: bool) -> Object:
    """What is touched: everything about it is one's own, or all is somebody else's."""
    who, team = (ME, TEAM) if mine else ("other", "other-team")
    asked = {"of a team": f"team:{team}"}.get(circumstances, f"user:{who}")
    return Object(
        kind="thing",
        id=who,
        owner=who,
        group=GROUP if mine else "other-group",
        queue=asked,
        facts={
            "session_kind": "jump" if circumstances == "a Jump" else "support",
            "state": "active",
            "password": "missing" if circumstances == "no password" else "right",
            "click_to_chat": circumstances == "in a chat",
            "members": (who,),
            "guests": (who,) if circumstances == "of a guest" else (),
            "participants": frozenset({who}),
            "teams": frozenset({team}),
            "target_teams": frozenset({"other-team" if circumstances == "away" else team}),
            "permissions": frozenset() if mine else frozenset({"perm_edit_issues", "perm_edit_skills"}),
            "everybody": False,
            "platform": "linux",
            "platforms": frozenset({"linux"}),
        },
    )


def subjects() -> list[Subject]:
    """Everybody who asks."""
    sets = {frozenset(), *(frozenset({name}) for name in NAMES - DENIALS)}
    for _action, _circumstances, *cells in lines():
        for combination in (one for cell in cells for one in people(cell)[1]):
            sets |= {combination, *(combination - {part} for part in combination)}
    who = {"teams": frozenset({TEAM}), "groups": {GROUP: "administrator"}}
    return [
        *(Subject(kind=kind, id=ME) for kind in KINDS if kind != "user"),  # type: ignore[arg-type]
        *(Subject(kind="user", id=ME, permissions=held, **who) for held in sorted(sets, key=sorted)),  # type: ignore[arg-type]
    ]


EVERYBODY = subjects()


def allowed(subject: Subject, cell: str) -> bool:
    """What the table says."""
    kinds, combinations = people(cell)
    if subject.kind in kinds:
        return True
    return subject.kind == "user" and any(one <= expand(subject.permissions) for one in combinations)


def test_every_operation_has_a_line() -> None:
    assert {action for action, *_rest in lines()} == set(policies())
    named = {one for _action, _circumstances, *cells in lines() for cell in cells for one in people(cell)[1]}
    assert frozenset().union(*named) <= NAMES


@pytest.mark.parametrize(("action", "circumstances", "own", "others"), list(lines()))
def test_everybody_may_what_the_table_says(action: str, circumstances: str, own: str, others: str) -> None:
    for mine, cell in ((True, own), (False, others)):
        obj = thing(circumstances, mine=mine)
        for subject in EVERYBODY:
            answer = decide(subject, action, obj, CONTEXT).allowed
            said = f"{subject.kind} with {sorted(subject.permissions)}, {'own' if mine else 'others'}"
            assert answer == allowed(subject, cell), said
