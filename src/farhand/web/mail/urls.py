"""Addresses of the page of /login that this area brings."""

from django.urls import URLPattern, path

from farhand.web.mail import views

urlpatterns: list[URLPattern] = [
    path("login/management/email-configuration", views.configuration),
    path("login/management/email-configuration/test", views.test),
    path("login/management/email-configuration/state", views.test_state),
]
