"""The forms of issues: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from farhand.rules.text import gettext_noop as _
from farhand.web.routing.services import MAX_CODE_NAME, MAX_DESCRIPTION, Fields

PRIORITY_LABELS = {1: _("High"), 2: _("Medium"), 3: _("Low")}


class IssueForm(forms.Form):
    """One issue."""

    description = forms.CharField(label=gettext_lazy("Description"), max_length=MAX_DESCRIPTION)
    code_name = forms.CharField(
        label=gettext_lazy("Code name"),
        max_length=MAX_CODE_NAME,
        required=False,
        help_text=gettext_lazy("By it other programs name this issue."),
    )
    team = forms.ChoiceField(label=gettext_lazy("Team"))
    priority = forms.TypedChoiceField(label=gettext_lazy("Priority"), coerce=int, initial=2)
    help_requests = forms.BooleanField(
        label=gettext_lazy("Representatives may request help by it"),
        required=False,
        help_text=gettext_lazy("Request Help in a session then offers this issue, and asks its team."),
    )
    all_portals = forms.BooleanField(label=gettext_lazy("Shown on all public portals"), required=False, initial=True)
    portals = forms.MultipleChoiceField(
        label=gettext_lazy("Otherwise on these"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, teams: list[tuple[str, str]], portals: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, list[tuple[Any, str]]] = {
            "team": list(teams),
            "portals": list(portals),
            "priority": [(number, gettext(label)) for number, label in PRIORITY_LABELS.items()],
        }
        for name, offered in choices.items():
            chooser = self.fields[name]
            assert isinstance(chooser, forms.ChoiceField)
            chooser.choices = offered
        if not teams:
            self.fields["team"].help_text = gettext(
                "There is no team yet. Create one under Configuration > Support Teams."
            )

    def issue(self) -> Fields:
        """The issue as entered."""
        return Fields(**self.cleaned_data)
