"""The filter above the list of reports, and what a video is made of."""

import datetime
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from farhand.web.accounts.models import User

EARLIEST = datetime.date(2000, 1, 1)
LATEST = datetime.date(9000, 1, 1)


class Person(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django has no such brackets at run time
    """Choice of a user by display name."""

    def label_from_instance(self, obj: User) -> str:
        return obj.display_name


FORM_LABELS = {"webm": _("WebM (VP9)"), "mp4": _("MP4 (AV1)")}
HEIGHT_LABELS = {0: _("As recorded"), 1080: "1080p", 720: "720p", 480: "480p"}


def export_label(params: Mapping[str, Any]) -> str:
    """What an export was asked for, for people."""
    parts = [FORM_LABELS.get(str(params.get("form")), ""), HEIGHT_LABELS.get(int(params.get("height") or 0), "")]
    if params.get("skip_idle"):
        parts.append(gettext("without idle time"))
    return ", ".join(str(part) for part in parts if part)


class ExportForm(forms.Form):
    """What a video is made of."""

    form = forms.ChoiceField(label=_("Format"), choices=list(FORM_LABELS.items()), initial="webm")
    height = forms.TypedChoiceField(label=_("Size"), coerce=int, choices=list(HEIGHT_LABELS.items()), initial=0)
    skip_idle = forms.BooleanField(label=_("Leave idle time out"), required=False)


class Filter(forms.Form):
    """Days (UTC, both included), kind of session, representative. All optional."""

    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[("", _("All")), ("jump", _("Jump")), ("support", _("Support"))]
    )
    representative = Person(
        label=_("Representative"), required=False, queryset=User.objects.none(), empty_label=_("All")
    )

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["representative"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = people

    def clean(self) -> dict[str, Any]:
        """The days are in order and within the centuries that there are reports of."""
        values = super().clean() or {}
        for name in ("since", "until"):
            day = values.get(name)
            if day is not None and not EARLIEST <= day <= LATEST:
                self.add_error(name, _("Enter a day after the year 2000."))
        if values.get("since") and values.get("until") and values["since"] > values["until"]:
            self.add_error("until", _("This day is before the first one. Choose a later day."))
        return values
