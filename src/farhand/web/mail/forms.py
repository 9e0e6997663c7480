"""The forms of Management > Email Configuration: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.web.mail.letters import MAX_ADDRESS
from farhand.web.mail.services import MAX_AUTHORITY, Fields

SECURITY = (("starttls", _("STARTTLS")), ("tls", _("TLS")), ("none", _("None")))


class MailForm(forms.Form):
    """The mail server."""

    host = forms.CharField(
        label=_("SMTP host"),
        max_length=253,
        required=False,
        help_text=_("Name or address of the mail server. Without one, Farhand sends no mail."),
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    port = forms.IntegerField(
        label=_("Port"),
        min_value=1,
        max_value=65_535,
        help_text=_("Usually 587 with STARTTLS, 465 with TLS, 25 without encryption."),
    )
    security = forms.ChoiceField(label=_("Security"), choices=SECURITY)
    user = forms.CharField(
        label=_("User name"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=255,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    sender = forms.CharField(
        label=_("From address"),
        max_length=MAX_ADDRESS,
        required=False,
        help_text=_("Messages are from this address, unless a public portal has one of its own."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    authority = forms.CharField(
        label=_("Certificate of the authority"),
        max_length=MAX_AUTHORITY,
        required=False,
        help_text=_("PEM. Needed only when the mail server's certificate is by an authority of your own."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"}),
    )

    def __init__(self, *args: Any, has_password: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_password:
            self.fields["password"].help_text = gettext(
                "A password is stored. Leave this empty to keep it; for another host or user it is forgotten."
            )

    def settings(self) -> Fields:
        """The mail server as entered."""
        given = dict(self.cleaned_data)
        return Fields(**given | {name: given[name].strip() for name in ("host", "user", "sender", "authority")})


class TestForm(forms.Form):
    """Where a test message goes."""

    to = forms.CharField(label=_("Send a test message to"), max_length=MAX_ADDRESS, widget=forms.EmailInput())
