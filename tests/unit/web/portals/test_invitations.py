"""The invitation that is mailed with a session key: per portal and language, with macros, and the pages that set it."""

from typing import Any

import pytest

from farhand.web.events.models import AuditRow
from farhand.web.mail.letters import MAX_SUBJECT
from farhand.web.portals import invitations, queries, services
from farhand.web.portals.invitations import KeyMail, Text, Values
from farhand.web.project.service import SYSTEM, Actor, Invalid, Refused

pytestmark = pytest.mark.django_db
LIST = "/login/public-portals/customer-client"
VALUES = Values(
    url="https://localhost/#k=0123", key="1234-5678-9012", expires_ms=1_700_000_000_000, representative="Zoë",
    portal="https://localhost", zone="Europe/Berlin",
)  # fmt: skip


def edit(actor: Actor = SYSTEM, *, sender: str = "", **texts: tuple[str, str]) -> None:
    """Set the default portal's texts: `en=(subject, body)`."""
    given = {code: Text(subject=subject, body=body) for code, (subject, body) in texts.items()}
    invitations.edit_invitation(actor, portal_id=queries.DEFAULT_ID, sender=sender, texts=given)


#
def test_without_a_text_of_its_own_a_portal_has_one_in_every_language(claimed: None) -> None:
    portal = queries.default()
    seen = {code: invitations.filled(portal, code, VALUES) for code, _name in queries.languages_of(portal)}
    assert len({text.body for text in seen.values()}) == len({text.subject for text in seen.values()}) == 4
    for text in seen.values():
        for word in (VALUES.url, VALUES.key, VALUES.representative, VALUES.portal, "Farhand", "(CET)"):
            assert word in text.body
        assert "%" not in text.body
    assert "14. November 2023 23:13 (CET)" in seen["de"].body


def test_an_own_text_and_how_it_becomes_the_default_one_again(admin: Actor, claimed: None) -> None:
    edit(admin, sender="shop@example.com", en=("Help from %SITE%", "Come: %SESSION_URL%\n%NOT_OURS"), de=("", ""))
    portal = queries.default()
    assert invitations.template_of(portal).sender == "shop@example.com"
    text = invitations.filled(portal, "en", VALUES)
    assert (text.subject, text.body) == ("Help from Farhand", f"Come: {VALUES.url}\n%NOT_OURS\n")
    assert invitations.template_text(portal, "de") == invitations.default_text("de")
    # What the form shows unchanged is no text of the portal's own: a later default reaches it.
    shown = invitations.told(portal)
    edit(admin, en=(shown["subject_en"], shown["body_en"]), fr=(shown["subject_fr"], shown["body_fr"]))
    assert set(invitations.template_of(queries.default()).texts) == {"en"}
    edit(admin, en=("", ""))
    assert invitations.template_of(queries.default()).texts == {}
    row = AuditRow.objects.filter(action="portals.portal.edit_invitation").order_by("id")[0]
    assert row.fields["new"]["sender"] == "shop@example.com"


def test_what_a_macro_stands_for_is_put_in_once_and_a_subject_stays_one_line(claimed: None) -> None:
    edit(en=("%REPRESENTATIVE%", "%REPRESENTATIVE% %SESSION_KEY%"))
    evil = Values(
        url="u", key="1234", expires_ms=0, representative="%SESSION_KEY%\r\nBcc: x", portal="p", zone="No/Where"
    )
    text = invitations.filled(queries.default(), "en", evil)
    assert text.subject == "%SESSION_KEY% Bcc: x"
    assert text.body.startswith("%SESSION_KEY%")
    long = Values(url="u", key="k", expires_ms=0, representative="x" * 500, portal="p")
    assert len(invitations.filled(queries.default(), "en", long).subject) == MAX_SUBJECT


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("sender", {"sender": "x@example.com\nBcc: y@example.com"}),
        ("subject_en", {"en": ("%URL%", "%SESSION_URL%")}),
        ("subject_en", {"en": ("x" * 201, "%SESSION_URL%")}),
        ("body_de", {"de": ("", "Nothing to follow")}),
        ("body_de", {"de": ("", "%SESSION_URL%" + "x" * 4000)}),
    ],
)
def test_what_makes_no_invitation_is_refused_by_its_field(claimed: None, field: str, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        edit(**given)
    assert refused.value.field == field


#
def test_the_options_say_which_actions_there_are(admin: Actor, rep: Actor) -> None:
    assert invitations.ways() == {"local": True, "server": False}
    with pytest.raises(Refused):
        invitations.edit_key_mail(rep, options=KeyMail())
    invitations.edit_key_mail(admin, options=KeyMail(local=False, server=True))
    assert invitations.ways() == {"local": False, "server": False}, "there is no mail server"
    from farhand.web.mail.services import Fields, edit_settings

    edit_settings(admin, fields=Fields(host="127.0.0.1", port=25, security="none", sender="a@example.com"))
    assert invitations.ways() == {"local": False, "server": True}


def test_the_pages(admin: Actor, make_user: Any, sign_in: Any) -> None:
    assert sign_in(make_user("nobody")).get(LIST).status_code == 403
    browser = sign_in(make_user("editor", "perm_edit_public_template"))
    assert queries.DEFAULT_ID in browser.get(LIST).content.decode()
    page = f"{LIST}/{queries.DEFAULT_ID}"
    assert "%REPRESENTATIVE%" in browser.get(page).content.decode()
    given = invitations.told(queries.default())
    assert browser.post(page, given | {"body_nl": "Niets"}).status_code == 400
    assert browser.post(page, given | {"subject_nl": "Hulp van %SITE%"}).status_code == 302
    assert "Nederlands" in browser.get(LIST).content.decode()
    assert browser.get(f"{LIST}/nothing").status_code == 404
    options = sign_in(admin.user)
    sent = {"mail": "1", "key_mail-server": "on", "key_mail-sender": "own"}
    assert options.post("/login/configuration/options", sent).status_code == 302
    assert invitations.key_mail() == KeyMail(local=False, server=True, sender="own")
    assert options.post("/login/configuration/options", {"last": "support"}).status_code == 302
    assert invitations.key_mail().server, "the other form of the page leaves it alone"


def test_click_to_chat_is_a_setting_of_the_portal(admin: Actor) -> None:
    assert queries.default().click_to_chat
    fields = services.Fields(languages=["en"], click_to_chat=False)
    services.edit_portal(admin, portal_id=queries.DEFAULT_ID, fields=fields)
    assert not queries.default().click_to_chat
