"""The form of a public portal: labels, help and lengths. What is allowed is the services' matter."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

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
