"""How Django's forms are written out: label, control, help, error, each tied to the other for assistive programs."""

from django.forms.renderers import DjangoTemplates


class Renderer(DjangoTemplates):
    """Uses the templates of `design` for whole forms and single fields."""

    form_template_name = "design/form.html"
    field_template_name = "design/field.html"
