"""Addresses of the public portal."""

from django.urls import URLPattern, path

from farhand.web.portal import views

urlpatterns: list[URLPattern] = [
    path("", views.home, name="portal"),
    path("s", views.home, name="portal-token"),
    path("start", views.start, name="portal-start"),
    path("ask", views.ask, name="portal-ask"),
    path("help", views.help_page, name="portal-help"),
    path("help/state", views.help_state, name="portal-help-state"),
    path("help/chat", views.chat_page, name="portal-chat"),
    path("help/chat/ticket", views.chat_ticket, name="portal-chat-ticket"),
    path("help/end", views.end, name="portal-end"),
    path("help/download", views.download, name="portal-download"),
]
