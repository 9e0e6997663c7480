"""The forms of /login, /appliance and /claim: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.protocol.actions import ACTIONS
from farhand.web.accounts.models import NAME_MAX, ROLE_LEAD, ROLE_MANAGER, ROLE_MEMBER, User
from farhand.web.accounts.passwords import MAXIMUM
from farhand.web.appliance.queries import LONGEST_DAYS

WEB_CONSOLE_LABEL = _("Allow Mobile Representative Console and Web Rep Console to Connect")
PASSWORD_HELP = _("At least 12 characters.")


def password_field(label: Any, *, new: bool, help_text: Any = "") -> forms.CharField:
    """A password's control, told to password managers as a new or a current one."""
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password" if new else "current-password"})
    return forms.CharField(label=label, max_length=MAXIMUM, strip=False, widget=widget, help_text=help_text)


def name_field(label: Any, **attributes: Any) -> forms.CharField:
    """A user name's or display name's control."""
    return forms.CharField(label=label, max_length=NAME_MAX, widget=forms.TextInput(attrs=attributes))


class Repeated(forms.Form):
    """A form with a new password that is entered twice."""

    pairs: tuple[tuple[str, str], ...] = (("password", "password_again"),)

    def clean(self) -> dict[str, Any]:
        """Refuse a repetition that differs."""
        values = super().clean() or {}
        for first, second in self.pairs:
            if second in values and values.get(first) != values[second]:
                self.add_error(second, gettext("The two passwords are not the same."))
        return values


class AvailabilityForm(forms.Form):
    """Extended availability, on or off."""

    extended_availability = forms.BooleanField(label=_("Extended Availability"), required=False)


class ClaimForm(Repeated):
    """The claim: administrator, web console switch, appliance account."""

    username = name_field(_("User name"), autocomplete="username", autofocus=True)
    display_name = name_field(_("Display name"), autocomplete="name")
    password = password_field(_("Password"), new=True, help_text=PASSWORD_HELP)
    password_again = password_field(_("Repeat the password"), new=True)
    web_console = forms.BooleanField(
        label=WEB_CONSOLE_LABEL,
        required=False,
        initial=True,
        help_text=_("Without it nobody can open the web console. It can be changed under Management > Security."),
    )
    appliance_username = name_field(_("Appliance user name"), autocomplete="off")
    appliance_password = password_field(_("Appliance password"), new=True, help_text=_("Another one than above."))
    appliance_password_again = password_field(_("Repeat the appliance password"), new=True)
    pairs = (("password", "password_again"), ("appliance_password", "appliance_password_again"))


class SignInForm(forms.Form):
    """User name and password."""

    username = name_field(_("User name"), autocomplete="username", autofocus=True)
    password = password_field(_("Password"), new=False)


class CodeForm(forms.Form):
    """The code of a second factor."""

    code = forms.CharField(
        label=_("Code"),
        max_length=16,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )


class ConfirmForm(forms.Form):
    """The password, once more."""

    password = password_field(_("Password"), new=False)


class ProfileForm(forms.Form):
    """One's own display name."""

    display_name = name_field(_("Display name"), autocomplete="name")


class OwnPasswordForm(Repeated):
    """One's own new password."""

    old = password_field(_("Current password"), new=False)
    new = password_field(_("New password"), new=True, help_text=PASSWORD_HELP)
    new_again = password_field(_("Repeat the new password"), new=True)
    pairs = (("new", "new_again"),)


class SetPasswordForm(Repeated):
    """Another user's new password."""

    password = password_field(_("New password"), new=True, help_text=PASSWORD_HELP)
    password_again = password_field(_("Repeat the new password"), new=True)


def team_role_choices() -> list[tuple[str, str]]:
    """What somebody can be in a team."""
    return [
        ("", gettext("Not in this team")),
        (ROLE_MEMBER, gettext("Team Member")),
        (ROLE_LEAD, gettext("Team Lead")),
        (ROLE_MANAGER, gettext("Team Manager")),
    ]


class TeamForm(forms.Form):
    """Names of a team, its queue, and the public portals that may show its issues."""

    name = name_field(_("Team name"))
    code_name = forms.CharField(label=_("Code name"), max_length=NAME_MAX, required=False)
    comments = forms.CharField(label=_("Comments"), max_length=1024, required=False)
    persistent_queue = forms.BooleanField(
        label=_("Persistent Queue"),
        required=False,
        help_text=_(
            "Its sessions stay in the queue also while nobody of the team is signed in, and come back to it when their "
            "representative is lost."
        ),
    )
    all_portals = forms.BooleanField(label=_("Accessible from all public portals"), required=False, initial=True)
    portals = forms.MultipleChoiceField(
        label=_("Otherwise from these"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, portals: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["portals"]
        assert isinstance(chooser, forms.MultipleChoiceField)
        chooser.choices = portals

    def team(self) -> dict[str, Any]:
        """The team as entered, for the services."""
        given = dict(self.cleaned_data)
        everywhere = given.pop("all_portals")
        return given | ({"portals": None} if everywhere else {})


class MembersForm(forms.Form):
    """One control per user: not in the team, or in which role."""

    def __init__(self, *args: Any, users: list[User], roles: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = team_role_choices()
        self._ids = [user.id for user in users]
        for user in users:
            self.fields[f"role-{user.id}"] = forms.ChoiceField(
                label=f"{user.display_name} ({user.username})",
                choices=choices,
                required=False,
                initial=roles.get(user.id, ""),
            )

    def members(self) -> dict[str, str]:
        """User id -> role, for those in the team."""
        return {ident: role for ident in self._ids if (role := self.cleaned_data.get(f"role-{ident}"))}


class SpecialActionsForm(forms.Form):
    """Console Settings > Special Actions: a box for each action that is known here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in ACTIONS.items():
            self.fields[name] = forms.BooleanField(label=gettext(label), required=False)

    def offered(self) -> list[str]:
        """The ids that are chosen."""
        return [name for name in ACTIONS if self.cleaned_data[name]]


class SecurityForm(forms.Form):
    """Management > Security."""

    web_console = forms.BooleanField(label=WEB_CONSOLE_LABEL, required=False)
    clipboard = forms.BooleanField(
        label=_("Allow Clipboard Sharing in Sessions"),
        required=False,
        help_text=_("Without it nobody can share a clipboard, whatever an account allows."),
    )
    shell_recording = forms.BooleanField(
        label=_("Enable Command Shell Recording"),
        required=False,
        help_text=_(
            "Session reports then have a video and a transcript of every Command Shell. Without it nothing of a "
            "shell is kept; running sessions follow at once."
        ),
    )
    recording_days = forms.IntegerField(
        label=_("Days to Keep Recordings"),
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        help_text=_(
            "From the end of a session. Recordings that are older are removed within minutes, with their pictures and "
            "videos; the session's report stays and says so. This cannot be undone."
        ),
    )
    report_days = forms.IntegerField(
        label=_("Days to Keep Logging Information"),
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        help_text=_(
            "Session reports with all that was done and said, from the end of a session. Then the whole report is "
            "removed, and the recording with it. This cannot be undone."
        ),
    )
