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
    path("login/reports/support/<str:session_id>/verify", views.verify, name="report-verify"),
    path("login/reports/support/<str:session_id>/export", views.export, name="report-export"),
    path(
        "login/reports/support/<str:session_id>/exports/<str:job_id>/cancel",
        views.cancel_export,
        name="report-export-cancel",
    ),
    path("reports/<str:session_id>/progress.html", views.progress, name="report-progress"),
    path("reports/<str:session_id>/video/<str:job_id>/<str:file_name>", views.video, name="report-video"),
    path("reports/<str:session_id>/screen/index.json", player.index, name="report-screen"),
    path("reports/<str:session_id>/screen/events.json", player.events, name="report-events"),
    path("reports/<str:session_id>/screen/thumbnails.json", player.thumbnail_times, name="report-thumbnails"),
    path("reports/<str:session_id>/screen/thumbnails/<int:number>.jpg", player.thumbnail, name="report-thumbnail"),
    path("reports/<str:session_id>/screen/<int:segment>/<int:first>-<int:last>", player.chunks, name="report-chunks"),
    path("reports/<str:session_id>/shell/<int:number>.<shellform:form_name>", views.shell, name="report-shell"),
]
