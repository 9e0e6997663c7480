"""Addresses of the pages of routing below /login."""

from django.urls import URLPattern, path

from farhand.web.routing import views

urlpatterns: list[URLPattern] = [
    path("login/configuration/issues", views.listing),
    path("login/configuration/issues/new", views.new),
    path("login/configuration/issues/<str:issue_id>", views.edit),
    path("login/configuration/issues/<str:issue_id>/remove", views.remove),
]
