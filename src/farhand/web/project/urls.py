"""All addresses: each face brings its own."""

from importlib import import_module

from django.urls import URLPattern, URLResolver

from farhand.web.project.areas import FACES

urlpatterns: list[URLPattern | URLResolver] = [
    pattern for face in FACES for pattern in import_module(f"farhand.web.{face}.urls").urlpatterns
]
handler400 = "farhand.web.project.views.bad_request"
handler403 = "farhand.web.project.views.forbidden"
handler404 = "farhand.web.project.views.not_found"
handler500 = "farhand.web.project.views.broken"
