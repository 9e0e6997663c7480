"""Addresses of the pages of Jump below /login."""

from django.urls import URLPattern, path

from farhand.web.jump import views

urlpatterns: list[URLPattern] = [
    path("login/jump/clients", views.clients),
    path("login/jump/clients/enrol", views.new_enrolment),
    path("login/jump/clients/enrolments/<str:enrolment_id>/revoke", views.revoke_enrolment),
    path("login/jump/clients/<str:client_id>", views.client),
    path("login/jump/clients/<str:client_id>/password", views.client_password),
    path("login/jump/clients/<str:client_id>/remove", views.remove_client),
    path("login/jump/groups", views.groups),
    path("login/jump/groups/new", views.new_group),
    path("login/jump/groups/<str:group_id>", views.group),
    path("login/jump/groups/<str:group_id>/members", views.group_members),
    path("login/jump/groups/<str:group_id>/remove", views.remove_group),
]
