"""The form of a group policy: a control per permission with its status and value, its members, and their places."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.rules import group_policies as rules
from farhand.rules.permissions import DENY, PERMISSIONS, SESSION, Permission
from farhand.web.accounts.group_policies import Fields
from farhand.web.login.forms import name_field, team_role_choices

Choices = list[tuple[str, str]]


def value_label(permission: Permission, value: str) -> str:
    """What forms call a value of a permission."""
    if value == DENY:
        return gettext("Deny") if permission.heading == SESSION else gettext("Not allowed")
    return gettext(dict(permission.levels).get(value, "")) or gettext("Allowed")


class NewPolicyForm(forms.Form):
    """Name and comments of a group policy."""

    name = name_field(_("Policy name"))
    comments = forms.CharField(label=_("Comments"), max_length=1024, required=False)


class PolicyForm(NewPolicyForm):
    """All of a group policy."""

    position = forms.IntegerField(
        label=_("Position"), min_value=1, max_value=1000, help_text=_("Policies are gone through in this order.")
    )

    def __init__(
        self,
        *args: Any,
        definitions: Mapping[str, Mapping[str, str]],
        people: Choices,
        teams: Mapping[str, tuple[str, str]],
        jump_groups: Mapping[str, tuple[str, str]],
        jump_roles: Choices,
        **kwargs: Any,
    ) -> None:
        """`teams`, `jump_groups`: id -> name, role now."""
        super().__init__(*args, **kwargs)
        self._definitions, self._teams, self._jump_groups = definitions, teams, jump_groups
        self.fields["members"] = forms.MultipleChoiceField(
            label=gettext("Members"), required=False, widget=forms.CheckboxSelectMultiple, choices=people
        )
        for permission in PERMISSIONS:
            if permission.offered:
                now = definitions.get(permission.name, {})
                self.fields[permission.name] = forms.ChoiceField(
                    label=gettext(permission.label),
                    choices=_choices(permission),
                    required=False,
                    initial=f"{now['status']}:{now['value']}" if now else "",
                )
        self._roles("team", teams, team_role_choices())
        self._roles("group", jump_groups, [("", gettext("Not a member")), *jump_roles])

    def _roles(self, kind: str, places: Mapping[str, tuple[str, str]], choices: Choices) -> None:
        for ident, (name, role) in places.items():
            self.fields[f"{kind}-{ident}"] = forms.ChoiceField(
                label=name, choices=choices, required=False, initial=role
            )

    def groups(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """Headings with the controls below them."""
        yield gettext("Members"), [self["members"]]
        for heading in dict.fromkeys(p.heading for p in PERMISSIONS if p.offered):
            yield gettext(heading), [self[p.name] for p in PERMISSIONS if p.offered and p.heading == heading]
        if self._teams:
            yield gettext("Support Teams"), [self[f"team-{ident}"] for ident in self._teams]
        if self._jump_groups:
            yield gettext("Jump Groups"), [self[f"group-{ident}"] for ident in self._jump_groups]

    def policy(self) -> Fields:
        """The policy as entered; what the form does not show stays as it was."""
        given = self.cleaned_data
        shown = {p.name: given[p.name] for p in PERMISSIONS if p.offered}
        kept = {name: dict(one) for name, one in self._definitions.items() if name not in shown}
        chosen = {
            name: dict(zip(("status", "value"), text.split(":", 1), strict=True))
            for name, text in shown.items()
            if text
        }
        return Fields(
            name=given["name"],
            comments=given["comments"],
            position=given["position"],
            definitions={name: rules.Definition(**one) for name, one in (kept | chosen).items()},
            members=given["members"],
            teams=self._entered("team", self._teams),
            jump_groups=self._entered("group", self._jump_groups),
        )

    def _entered(self, kind: str, places: Iterable[str]) -> dict[str, str]:
        return {ident: role for ident in places if (role := self.cleaned_data.get(f"{kind}-{ident}"))}


def _choices(permission: Permission) -> Choices:
    found = [("", gettext("Not defined"))]
    for status, text in (("defined", gettext("Defined: %(value)s")), ("final", gettext("Final: %(value)s"))):
        found += [
            (f"{status}:{value}", text % {"value": value_label(permission, value)})
            for value in (*rules.values(permission), DENY)
        ]
    return found
