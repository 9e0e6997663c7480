"""The forms of issues, rules and options: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from farhand.rules.routing import MAX_TEXT, Fallback
from farhand.rules.text import gettext_noop as _
from farhand.web.routing.rule_services import MAX_MINUTES, MAX_RULES
from farhand.web.routing.rule_services import Fields as RuleFields
from farhand.web.routing.services import MAX_CODE_NAME, MAX_DESCRIPTION, Fields

PRIORITY_LABELS = {1: _("High"), 2: _("Medium"), 3: _("Low")}

WHEN_LABELS = {
    "waited": _("it has waited for longer than the minutes below"),
    "nobody": _("nobody of the queue is signed in"),
}
MESSAGE = "message"
"""Choice of the form: no other queue, a message."""
KIND_LABELS = {"support": _("Support sessions"), "jump": _("Jump sessions")}


def _choose(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    chooser = form.fields[name]
    assert isinstance(chooser, forms.ChoiceField)
    chooser.choices = choices


class RuleForm(forms.Form):
    """One rule for waiting sessions."""

    source = forms.ChoiceField(label=gettext_lazy("Sessions of the queue"))
    when = forms.ChoiceField(label=gettext_lazy("When"), widget=forms.RadioSelect, initial="waited")
    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"), min_value=1, max_value=MAX_MINUTES, initial=10, required=False
    )
    target = forms.ChoiceField(label=gettext_lazy("Then"))
    text = forms.CharField(
        label=gettext_lazy("Message to the customer"),
        max_length=MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Shown at the public portal and in the customer's client. It is not translated."),
    )
    position = forms.IntegerField(
        label=gettext_lazy("Position"),
        min_value=1,
        max_value=MAX_RULES,
        help_text=gettext_lazy("Rules are asked in this order; the first that applies is followed."),
    )

    def __init__(
        self, *args: Any, sources: list[tuple[str, str]], targets: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "source", sources)
        _choose(self, "when", [(name, gettext(label)) for name, label in WHEN_LABELS.items()])
        queues = [(ident, gettext("Transfer to %(name)s") % {"name": name}) for ident, name in targets]
        _choose(self, "target", [(MESSAGE, gettext("Tell the customer the message below")), *queues])

    def rule(self) -> RuleFields:
        """The rule as entered."""
        given = dict(self.cleaned_data)
        target = "" if given["target"] == MESSAGE else given["target"]
        return RuleFields(**given | {"minutes": given["minutes"] or 0, "target": target})


class FallbackForm(forms.Form):
    """What is done with a session whose representative is lost, for support sessions and for Jump sessions."""

    last = forms.MultipleChoiceField(
        label=gettext_lazy("Back to the queue from which it was accepted last"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    entry = forms.MultipleChoiceField(
        label=gettext_lazy("Back to the queue in which it was first"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    fallback = forms.MultipleChoiceField(
        label=gettext_lazy("To the fallback queue"), required=False, widget=forms.CheckboxSelectMultiple
    )
    queue = forms.ChoiceField(label=gettext_lazy("Fallback queue"), required=False)

    def __init__(self, *args: Any, queues: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(name, gettext(label)) for name, label in KIND_LABELS.items()]
        for name in ("last", "entry", "fallback"):
            _choose(self, name, kinds)
        _choose(self, "queue", [("", gettext("None")), *queues])

    def options(self) -> Fallback:
        """The options as entered."""
        given = self.cleaned_data
        return Fallback(
            last=tuple(given["last"]),
            entry=tuple(given["entry"]),
            fallback=tuple(given["fallback"]),
            queue=given["queue"],
        )


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
        _choose(self, "team", teams)
        _choose(self, "portals", portals)
        _choose(self, "priority", [(str(number), gettext(label)) for number, label in PRIORITY_LABELS.items()])
        if not teams:
            self.fields["team"].help_text = gettext(
                "There is no team yet. Create one under Configuration > Support Teams."
            )

    def issue(self) -> Fields:
        """The issue as entered."""
        return Fields(**self.cleaned_data)
