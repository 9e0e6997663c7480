"""Every table of Farhand says which kind of data it holds."""

from django.apps import apps

from farhand.web.project.areas import AREAS
from farhand.web.project.rows import HistoryRow


def test_every_table_names_its_kind() -> None:
    models = [model for area in AREAS for model in apps.get_app_config(area).get_models()]
    assert len(models) >= 9
    for model in models:
        kind = getattr(model, "farhand_kind", None)
        assert kind in {"configuration", "history", "transient"}, model
        names = {field.name for field in model._meta.get_fields()}
        assert ({"origin", "sequence"} <= names) == (kind == "history"), model
        assert issubclass(model, HistoryRow) or kind != "history", model
