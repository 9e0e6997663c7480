"""The filter above the list of reports."""

import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from farhand.web.accounts.models import User

EARLIEST = datetime.date(2000, 1, 1)
LATEST = datetime.date(9000, 1, 1)


class Person(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django has no such brackets at run time
    """Choice of a user by display name."""

    def label_from_instance(self, obj: User) -> str:
        return obj.display_name


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
