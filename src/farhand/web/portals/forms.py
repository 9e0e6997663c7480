"""The forms of a public portal: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.web.mail.letters import MAX_ADDRESS, MAX_SUBJECT
from farhand.web.portals.invitations import MAX_BODY, KeyMail, Text
from farhand.web.portals.services import MAX_HOSTS, MAX_NAME, Fields


class PortalForm(forms.Form):
    """One public portal."""

    name = forms.CharField(label=_("Public portal name"), max_length=MAX_NAME)
    hosts = forms.CharField(
        label=_("Host names"),
        max_length=MAX_HOSTS * 260,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text=_(
            "One name or address a line. They must lead to this appliance, and its certificate must hold for them."
        ),
    )
    languages = forms.MultipleChoiceField(
        label=_("Languages"), choices=settings.LANGUAGES, widget=forms.CheckboxSelectMultiple, required=False
    )
    session_keys = forms.BooleanField(label=_("Session key form"), required=False, initial=True)
    representative_list = forms.BooleanField(
        label=_("Representative list"),
        required=False,
        initial=True,
        help_text=_(
            "Representatives who are allowed to show on the public site, while they are signed in to a console."
        ),
    )
    all_representatives = forms.BooleanField(label=_("List all representatives"), required=False, initial=True)
    representatives = forms.MultipleChoiceField(
        label=_("Otherwise these representatives"), required=False, widget=forms.CheckboxSelectMultiple
    )
    issue_form = forms.BooleanField(label=_("Issue submission form"), required=False, initial=True)
    click_to_chat = forms.BooleanField(
        label=_("Click-to-Chat"),
        required=False,
        initial=True,
        help_text=_("Customers may chat in the browser, without a download, until a representative asks for more."),
    )

    def __init__(self, *args: Any, people: list[tuple[str, str]], is_default: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["representatives"]
        assert isinstance(chooser, forms.MultipleChoiceField)
        chooser.choices = people
        if not people:
            chooser.help_text = gettext(
                "Nobody may be shown on the public site yet. It is a permission under Users & Security > Users."
            )
        if is_default:
            del self.fields["name"]

    def portal(self) -> Fields:
        """The portal as entered."""
        given = dict(self.cleaned_data)
        return Fields(**given | {"hosts": [line for line in given["hosts"].splitlines() if line.strip()]})


class InvitationForm(forms.Form):
    """The mail of a session key: a subject and a body for every language."""

    sender = forms.CharField(
        label=_("From address"),
        max_length=MAX_ADDRESS,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_("Empty: the from address of Management > Email Configuration."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, name in settings.LANGUAGES:
            self.fields[f"subject_{code}"] = forms.CharField(
                label=gettext("Subject (%(language)s)") % {"language": name},
                max_length=MAX_SUBJECT,
                required=False,
                widget=forms.TextInput(attrs={"lang": code}),
            )
            self.fields[f"body_{code}"] = forms.CharField(
                label=gettext("Body (%(language)s)") % {"language": name},
                max_length=MAX_BODY + 500,
                required=False,
                strip=False,
                widget=forms.Textarea(attrs={"rows": 9, "lang": code}),
            )

    def texts(self) -> dict[str, Text]:
        """The texts as entered."""
        given = self.cleaned_data
        return {
            code: Text(subject=given[f"subject_{code}"], body=given[f"body_{code}"])
            for code, _name in settings.LANGUAGES
        }


class KeyMailForm(forms.Form):
    """How session keys may be mailed."""

    local = forms.BooleanField(
        label=_("Send Local Email"),
        required=False,
        help_text=_(
            "The representative's own mail program opens with the invitation, which goes from their own address."
        ),
    )
    server = forms.BooleanField(
        label=_("Send Server Email"),
        required=False,
        help_text=_("The appliance sends the invitation. It needs Management > Email Configuration."),
    )
    sender = forms.ChoiceField(
        label=_("Server email is from"),
        choices=(
            ("system", _("The address of the public portal or the mail server's settings")),
            ("own", _("The mail address of the representative's account, where it has one")),
        ),
        help_text=_("Many mail servers send from their own addresses only."),
    )

    def options(self) -> KeyMail:
        """The choice as entered."""
        return KeyMail(**self.cleaned_data)
