"""Addresses of the pages of canned scripts below /login."""

from django.urls import URLPattern, path

from farhand.web.scripts import views

urlpatterns: list[URLPattern] = [
    path("login/console-settings/canned-scripts", views.listing),
    path("login/console-settings/canned-scripts/new", views.new),
    path("login/console-settings/canned-scripts/<str:script_id>", views.edit),
    path("login/console-settings/canned-scripts/<str:script_id>/remove", views.remove),
]
