"""Addresses of the pages of routing below /login."""

from django.urls import URLPattern, path

from farhand.web.routing import rule_views, views

urlpatterns: list[URLPattern] = [
    path("login/configuration/issues", views.listing),
    path("login/configuration/issues/new", views.new),
    path("login/configuration/issues/<str:issue_id>", views.edit),
    path("login/configuration/issues/<str:issue_id>/remove", views.remove),
    path("login/configuration/waiting-session-rules", rule_views.listing),
    path("login/configuration/waiting-session-rules/new", rule_views.new),
    path("login/configuration/waiting-session-rules/<str:rule_id>", rule_views.edit),
    path("login/configuration/waiting-session-rules/<str:rule_id>/remove", rule_views.remove),
    path("login/configuration/options", rule_views.options),
]
