"""Addresses that endpoints use."""

from django.urls import URLPattern, path

from farhand.web.api import views

urlpatterns: list[URLPattern] = [
    path("api/agent/site", views.site),
    path("api/agent/enrol", views.agent_enrol),
    path("api/endpoint/order", views.endpoint_order),
    path("api/endpoint/pin", views.endpoint_pin),
    path("api/endpoint/unpin", views.endpoint_unpin),
    path("api/customer/info", views.customer_info),
    path("api/customer/start", views.customer_start),
    path("dl/client/linux", views.client_linux, name="client-linux"),
]
