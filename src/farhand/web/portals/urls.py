"""Addresses of the pages of public portals below /login."""

from django.urls import URLPattern, path

from farhand.web.portals import views

urlpatterns: list[URLPattern] = [
    path("login/public-portals/public-sites", views.listing),
    path("login/public-portals/public-sites/new", views.new),
    path("login/public-portals/public-sites/<str:portal_id>", views.edit),
    path("login/public-portals/public-sites/<str:portal_id>/remove", views.remove),
]
