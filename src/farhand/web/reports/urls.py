"""Addresses of reports: pages below /login/reports, data of recordings below /reports."""

from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from farhand.web.reports import player, views


class FormConverter(StringConverter):
    """The two forms in which a shell is given out."""

    regex = "cast|txt"


register_converter(FormConverter, "shellform")

urlpatterns: list[URLPattern] = [
    path("login/reports/support", views.support, name="reports"),
    path("login/reports/support/<str:session_id>", views.report, name="report"),
    path("reports/<str:session_id>/screen/index.json", player.index, name="report-screen"),
    path("reports/<str:session_id>/screen/events.json", player.events, name="report-events"),
    path("reports/<str:session_id>/screen/<int:segment>/<int:first>-<int:last>", player.chunks, name="report-chunks"),
    path("reports/<str:session_id>/shell/<int:number>.<shellform:form_name>", views.shell, name="report-shell"),
]
