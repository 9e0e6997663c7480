"""The forms of Jump: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.web.accounts.models import User
from farhand.web.jump.models import JumpGroup
from farhand.web.jump.services import MAX_COMMENTS, MAX_NAME, MAX_TAG

EXPIRY_LABELS = {
    3600: _("1 hour"),
    86_400: _("1 day"),
    7 * 86_400: _("7 days"),
    30 * 86_400: _("30 days"),
}
ROLE_LABELS = {
    "no_access": _("No Access"),
    "start_sessions": _("Start Sessions Only"),
    "administrator": _("Administrator"),
}


class ClientForm(forms.Form):
    """What people say of a Jump Client."""

    name = forms.CharField(label=_("Name"), max_length=MAX_NAME)
    group_id = forms.ChoiceField(label=_("Jump Group"))
    comments = forms.CharField(label=_("Comments"), max_length=MAX_COMMENTS, required=False)

    def __init__(self, *args: Any, groups: list[JumpGroup], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["group_id"]
        assert isinstance(chooser, forms.ChoiceField)
        chooser.choices = [(group.id, group.name) for group in groups]


class EditClientForm(ClientForm):
    """A Jump Client that is there."""

    tag = forms.CharField(
        label=_("Tag"), max_length=MAX_TAG, required=False, help_text=_("A word to find and sort Jump Items by.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["name", "group_id", "tag", "comments"])


class PasswordForm(forms.Form):
    """What everybody must give before a Jump (R-211)."""

    password = forms.CharField(
        label=_("Password"),
        max_length=256,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Everybody must enter it before every Jump. Left empty, no password is asked any more."),
    )
    again = forms.CharField(
        label=_("Password again"),
        max_length=256,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        found = super().clean() or {}
        if found.get("password") != found.get("again"):
            self.add_error("again", gettext("The two passwords are not the same."))
        return found


class EnrolmentForm(ClientForm):
    """An enrolment: like a client, and how long its command holds."""

    expires_s = forms.TypedChoiceField(
        label=_("The command holds for"), coerce=int, choices=list(EXPIRY_LABELS.items()), initial=86_400
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        self.fields["name"].help_text = _("Left empty, the endpoint's host name is taken.")
        self.order_fields(["group_id", "name", "comments", "expires_s"])


class GroupForm(forms.Form):
    """Names of a Jump Group."""

    name = forms.CharField(label=_("Name"), max_length=64)
    code_name = forms.CharField(
        label=_("Code name"),
        max_length=64,
        required=False,
        help_text=_("For other programs. Left empty, it is made of the name."),
    )
    comments = forms.CharField(label=_("Comments"), max_length=MAX_COMMENTS, required=False)


class RolesForm(forms.Form):
    """One control per user: which role in the group."""

    def __init__(self, *args: Any, users: list[User], roles: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ids = [user.id for user in users]
        choices = [("", gettext("Not a member")), *ROLE_LABELS.items()]
        for user in users:
            self.fields[f"role-{user.id}"] = forms.ChoiceField(
                label=f"{user.display_name} ({user.username})",
                choices=choices,
                required=False,
                initial=roles.get(user.id, ""),
            )

    def roles(self) -> dict[str, str]:
        """User id -> role, for the members."""
        return {ident: role for ident in self._ids if (role := self.cleaned_data.get(f"role-{ident}"))}
