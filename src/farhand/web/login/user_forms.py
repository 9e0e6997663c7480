"""The form of a user: names, own settings of permissions beside what group policies say of them, and folders."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.rules import group_policies as rules
from farhand.rules.group_policies import Source
from farhand.rules.permissions import DENY, PERMISSIONS, SESSION, Permission
from farhand.web.accounts.limits import FileLimits, parse
from farhand.web.login.forms import PASSWORD_HELP, Repeated, name_field, password_field
from farhand.web.login.policy_forms import value_label

LIMITS = ("files_read", "files_write")


def folders_field(label: Any) -> forms.CharField:
    """The control of a list of folders, one a line."""
    return forms.CharField(
        label=label,
        max_length=64 * 1026,
        required=False,
        help_text=_("One full path a line. Empty: everywhere."),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )


class ExactCheckbox(forms.CheckboxInput):
    """A box whose value is passed on as it was sent."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The text that was sent, or False."""
        return data.get(name, False)


class OnOff(forms.BooleanField):
    """Ticked or not. Any other value is of a page that is old: there a group policy offered choices, and its `deny`
    must not count as a tick.
    """

    widget = ExactCheckbox

    def to_python(self, value: Any) -> bool:
        """Raises ValidationError for what no box sends."""
        if value not in (False, True, "on", ""):
            raise forms.ValidationError(gettext("This page is out of date. Reload it and choose again."))
        return bool(value)


class UserForm(forms.Form):
    """Names and permissions of a user. One control per permission that this release asks for, grouped by heading.

    `own`: the account's own settings; `sources`: what holds now, and from where.
    """

    display_name = name_field(_("Display name"))
    email = forms.EmailField(label=_("Mail address"), required=False, max_length=254)
    files_read = folders_field(_("Folders of the remote computer to download from"))
    files_write = folders_field(_("Folders of the remote computer to upload to, rename and delete in"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._own = frozenset(kwargs.pop("own", ()))
        self._sources: Mapping[str, Source] = kwargs.pop("sources", {})
        limits = kwargs.pop("limits", {})
        super().__init__(*args, **kwargs)
        for name in LIMITS:
            self.fields[name].initial = "\n".join(limits.get(name, ()))
        for permission in PERMISSIONS:
            if permission.offered:
                self.fields[permission.name] = self._control(permission)

    def _control(self, permission: Permission) -> forms.Field:
        """The control of a permission; where a group policy says something, it says so and offers to answer that."""
        said = self._policy_says(permission)
        mine = self._own & permission.names
        if said is None and not permission.levels:
            # A box that is not ticked is no answer to a policy that comes later.
            return OnOff(label=gettext(permission.label), required=False, initial=permission.name in mine)
        unset = gettext(permission.undefined) if said is None else gettext("As the group policy says")
        levels = [*rules.values(permission), *([DENY] if said or permission.heading == SESSION else [])]
        if permission.heading == SESSION:
            levels = [DENY, *levels[:-1]]
        highest = [DENY, *reversed(rules.values(permission))]
        now = next((value for value in highest if rules.name_of(permission.name, value) in mine), "")
        return forms.ChoiceField(
            label=gettext(permission.label),
            choices=[("", unset), *((value, value_label(permission, value)) for value in levels)],
            required=False,
            initial=now,
            disabled=said is not None and said.final,
            help_text=_told(permission, said) if said else "",
        )

    def _policy_says(self, permission: Permission) -> Source | None:
        """What a group policy says of it, overridden or not."""
        source = self._sources.get(permission.name)
        return source if source is None or source.policy else source.default

    def groups(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """Headings with the controls below them."""
        for heading in dict.fromkeys(p.heading for p in PERMISSIONS if p.offered):
            shown = [self[p.name] for p in PERMISSIONS if p.offered and p.heading == heading]
            yield gettext(heading), [*shown, *(self[name] for name in LIMITS if heading == SESSION)]

    def limits(self) -> FileLimits:
        """The folders as entered."""
        return FileLimits(**{name: parse(self.cleaned_data[name]) for name in LIMITS})

    def permissions(self) -> frozenset[str]:
        """The permissions as entered; those that the form does not show stay as they were."""
        chosen: set[str] = set()
        for permission in PERMISSIONS:
            entered = self.cleaned_data.get(permission.name)
            if not permission.offered or self.fields[permission.name].disabled:
                chosen |= self._own & permission.names
            elif entered:
                chosen.add(permission.name if entered is True else rules.name_of(permission.name, entered))
        return frozenset(chosen)


def _told(permission: Permission, source: Source) -> str:
    """The sentence about what a group policy says of a permission."""
    assert source.policy is not None
    facts = {
        "name": source.policy.name,
        "value": value_label(permission, source.policy.definitions[permission.name].value),
    }
    if source.final:
        return gettext("Group policy %(name)s: %(value)s. This is final.") % facts
    return gettext("Group policy %(name)s: %(value)s. A choice here goes before it.") % facts


class NewUserForm(Repeated, UserForm):
    """A new user."""

    username = name_field(_("User name"), autocomplete="off")
    password = password_field(_("Password"), new=True, help_text=PASSWORD_HELP)
    password_again = password_field(_("Repeat the password"), new=True)
    field_order = ("username", "display_name", "email", "password", "password_again")
