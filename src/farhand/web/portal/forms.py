"""The issue submission form of the public portal: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.web.routing.requests import MAX_DETAILS, MAX_EMAIL, MAX_NAME


class HelpForm(forms.Form):
    """What a customer tells before the session."""

    issue = forms.ChoiceField(label=_("Issue"))
    name = forms.CharField(
        label=_("Your Name"), max_length=MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    company = forms.CharField(
        label=_("Company"),
        max_length=MAX_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    email = forms.EmailField(
        label=_("Mail address"),
        max_length=MAX_EMAIL,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    details = forms.CharField(
        label=_("Describe Your Issue"), max_length=MAX_DETAILS, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, *args: Any, issues: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["issue"]
        assert isinstance(chooser, forms.ChoiceField)
        chooser.choices = [("", gettext("Choose an issue")), *issues]
