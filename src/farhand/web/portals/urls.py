"""Addresses of the pages of public portals below /login."""

from django.urls import URLPattern, path

from farhand.web.portals import client_views, views

urlpatterns: list[URLPattern] = [
    path("login/public-portals/public-sites", views.listing),
    path("login/public-portals/public-sites/new", views.new),
    path("login/public-portals/public-sites/<str:portal_id>", views.edit),
    path("login/public-portals/public-sites/<str:portal_id>/remove", views.remove),
    path("login/public-portals/customer-client", client_views.listing),
    path("login/public-portals/customer-client/<str:portal_id>", client_views.edit),
]
