"""Addresses of the web console."""

from django.urls import URLPattern, URLResolver, path

from farhand.web.console.endpoints import api
from farhand.web.console.views import client_script, console

urlpatterns: list[URLPattern | URLResolver] = [
    path("console", console, name="console"),
    path("api/client_script", client_script, name="client-script"),
    path("api/console/", api.urls),
]
