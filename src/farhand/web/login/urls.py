"""Addresses of `/login`, `/appliance`, `/claim` and the language choice."""

from django.urls import URLPattern, path
from django.views.i18n import set_language

from farhand.web.login import account, box, entrance, group_policies, site, teams, users

urlpatterns: list[URLPattern] = [
    path("claim/<str:token>", entrance.claim),
    path("language", set_language, name="set_language"),
    path("login", entrance.start),
    path("login/", entrance.start),
    path("login/sign-in", entrance.sign_in),
    path("login/code", entrance.code),
    path("login/sign-out", entrance.sign_out),
    path("login/signed-out", entrance.signed_out),
    path("login/confirm", entrance.confirm),
    path("login/status/information", site.information),
    path("login/my-account/profile", account.profile),
    path("login/my-account/security", account.security),
    path("login/my-account/password", account.password),
    path("login/my-account/second-factor", account.second_factor_on),
    path("login/my-account/second-factor/off", account.second_factor_off),
    path("login/configuration/support-teams", teams.listing),
    path("login/configuration/support-teams/new", teams.new),
    path("login/configuration/support-teams/<str:team_id>", teams.edit),
    path("login/configuration/support-teams/<str:team_id>/members", teams.members),
    path("login/configuration/support-teams/<str:team_id>/remove", teams.remove),
    path("login/console-settings/special-actions", site.special_actions),
    path("login/users-security/users", users.listing),
    path("login/users-security/users/new", users.new),
    path("login/users-security/users/<str:user_id>", users.edit),
    path("login/users-security/users/<str:user_id>/disable", users.disable),
    path("login/users-security/users/<str:user_id>/password", users.password),
    path("login/users-security/users/<str:user_id>/second-factor/off", users.second_factor_off),
    path("login/users-security/group-policies", group_policies.listing),
    path("login/users-security/group-policies/new", group_policies.new),
    path("login/users-security/group-policies/<str:policy_id>", group_policies.edit),
    path("login/users-security/group-policies/<str:policy_id>/remove", group_policies.remove),
    path("login/management/software", site.software),
    path("login/management/security", site.security),
    path("appliance", box.start),
    path("appliance/", box.start),
    path("appliance/sign-in", box.sign_in),
    path("appliance/sign-out", box.sign_out),
    path("appliance/signed-out", box.signed_out),
    path("appliance/status/basics", box.basics),
]
