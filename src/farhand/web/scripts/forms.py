"""The form of a canned script: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.protocol.scripts import MAX_TEXT, MAX_TIME_LIMIT_S
from farhand.rules.scripts import MAX_LINES
from farhand.web.scripts.services import MAX_DESCRIPTION, MAX_NAME, Fields

PLATFORM_LABELS = [("linux", "Linux"), ("windows", "Windows"), ("macos", "macOS")]
CONTEXT_LABELS = [("user", _("Logged-in user")), ("system", _("System"))]


class ScriptForm(forms.Form):
    """One canned script."""

    name = forms.CharField(label=_("Script name"), max_length=MAX_NAME)
    description = forms.CharField(label=_("Description"), max_length=MAX_DESCRIPTION, required=False)
    everybody = forms.BooleanField(
        label=_("Everybody may use it"),
        required=False,
        help_text=_("Everybody who may use canned scripts in the session. Otherwise the members of these teams:"),
    )
    teams = forms.MultipleChoiceField(label=_("Teams"), required=False, widget=forms.CheckboxSelectMultiple)
    platforms = forms.MultipleChoiceField(
        label=_("Operating systems"), choices=PLATFORM_LABELS, widget=forms.CheckboxSelectMultiple, initial=["linux"]
    )
    contexts = forms.MultipleChoiceField(
        label=_("Runs as"), choices=CONTEXT_LABELS, widget=forms.CheckboxSelectMultiple, initial=["user"]
    )
    time_limit_s = forms.IntegerField(
        label=_("Time limit in seconds"), min_value=1, max_value=MAX_TIME_LIMIT_S, initial=60
    )
    parameters = forms.CharField(
        label=_("Parameters"),
        max_length=MAX_LINES,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        help_text=_(
            "One line each: NAME: Label = default. A question mark behind the name (NAME?) lets it stay empty. The "
            "script finds the value in the environment variable PARAM_NAME. Values are on record: ask for no passwords."
        ),
    )
    text = forms.CharField(
        label=_("Script"),
        max_length=MAX_TEXT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16, "class": "mono wide", "spellcheck": "false"}),
        help_text=_(
            "On Linux the first line may name the program that runs it, as in #!/usr/bin/env python3. Put variables in "
            'quotes ("$PARAM_NAME"), and calculate with none that was not checked: in the arithmetic of bash '
            "($((PARAM_NAME)), [[ $PARAM_NAME -eq 1 ]]) a value can be a command."
        ),
    )

    def __init__(self, *args: Any, teams: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["teams"]
        assert isinstance(chooser, forms.MultipleChoiceField)
        chooser.choices = teams
        if not teams:
            chooser.help_text = gettext("There is no team yet. Create one under Configuration > Support Teams.")

    def script(self) -> Fields:
        """The script as entered."""
        return Fields(**self.cleaned_data)
