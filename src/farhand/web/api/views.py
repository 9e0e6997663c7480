"""What endpoints ask over HTTP: who is this site, enrol me, start my session; and the client file itself.

Bodies are small JSON, decoded into strict structs with caps. No cookie is read here, so these addresses need no CSRF
token: what lets a caller in is a token in the body and the proof of a key. Documented in `docs/protocol/http.md`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, TypeVar

import msgspec
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from farhand.protocol.messages import NOT_UNDERSTOOD, Facts, Hex32, Id, Message, Signature, Word
from farhand.rules.access import Subject
from farhand.web.appliance import keys
from farhand.web.appliance.queries import site_name
from farhand.web.jump import pinning
from farhand.web.jump import queries as jump_queries
from farhand.web.jump.services import enrol
from farhand.web.project.errors import Invalid, ServiceError
from farhand.web.project.middleware import service_error_json
from farhand.web.project.service import Actor, now_ms
from farhand.web.support import queries as support_queries
from farhand.web.support.key_services import Expired
from farhand.web.support.services import start_customer

B = TypeVar("B", bound=msgspec.Struct)
BLOCK_SIZE = 1 << 17
MAX_BODY = 65_536
ShortToken = Annotated[str, msgspec.Meta(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


class EnrolBody(Message, frozen=True, kw_only=True):
    """`proof`: signature of kind `enrol` by `key` over `token`."""

    token: ShortToken
    key: Hex32
    proof: Signature
    facts: Facts
    version: Word = ""


class OrderBody(Message, frozen=True, kw_only=True):
    """`proof`: signature of kind `deploy` by the key of the session's endpoint over `order`."""

    order: Id
    proof: Signature


class PinBody(OrderBody, frozen=True, kw_only=True):
    """`key_proof`: signature of kind `enrol` by the Jump Client's `key` over `order`."""

    key: Hex32
    key_proof: Signature
    facts: Facts
    version: Word = ""


class UnpinBody(OrderBody, frozen=True, kw_only=True):
    """`key_proof`: signature of kind `unpin` by the Jump Client's key over `order`."""

    key_proof: Signature


class JoinBody(Message, frozen=True, kw_only=True):
    """A join token."""

    join: ShortToken


class StartBody(Message, frozen=True, kw_only=True):
    """`proof`: signature of kind `join` by `key` over `join`."""

    join: ShortToken
    key: Hex32
    proof: Signature
    facts: Facts
    version: Word = ""


def json_post(body_type: type[B]) -> Callable[[Callable[[HttpRequest, B], object]], Callable[..., HttpResponse]]:
    """Make a view of a function from a decoded body to an answer; a service's no becomes its JSON."""
    decoder = msgspec.json.Decoder(body_type)

    def wrap(function: Callable[[HttpRequest, B], object]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @require_POST
        @wraps(function)
        def view(request: HttpRequest) -> HttpResponse:
            try:
                answer = function(request, _decode(request, decoder))
            except ServiceError as error:
                return service_error_json(error)
            return HttpResponse(msgspec.json.encode(answer), content_type="application/json")

        return view

    return wrap


@require_GET
def site(request: HttpRequest) -> HttpResponse:
    """The site's statement about its TLS key; an agent checks it with the site key that it has pinned."""
    answer = {"statement": keys.statement(now_ms()), "site_key": keys.site_public(), "name": site_name()}
    return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


@json_post(EnrolBody)
def agent_enrol(request: HttpRequest, body: EnrolBody) -> object:
    """Enrol a Jump Client."""
    enrolled = enrol(
        caller(request), token=body.token, key=body.key, proof=body.proof, facts=body.facts, version=body.version
    )
    return msgspec.structs.asdict(enrolled)


@json_post(OrderBody)
def endpoint_order(request: HttpRequest, body: OrderBody) -> object:
    """What was ordered of a session's endpoint."""
    return pinning.order_info(order_id=body.order, proof=body.proof)


@json_post(PinBody)
def endpoint_pin(request: HttpRequest, body: PinBody) -> object:
    """A session's client becomes a Jump Client."""
    pinned = pinning.pin(
        caller(request),
        order_id=body.order,
        proof=body.proof,
        key=body.key,
        key_proof=body.key_proof,
        facts=body.facts,
        version=body.version,
    )
    return msgspec.structs.asdict(pinned)


@json_post(UnpinBody)
def endpoint_unpin(request: HttpRequest, body: UnpinBody) -> object:
    """A session's endpoint uninstalls its Jump Client."""
    pinning.unpin(caller(request), order_id=body.order, proof=body.proof, key_proof=body.key_proof)
    return {}


@json_post(JoinBody)
def customer_info(request: HttpRequest, body: JoinBody) -> object:
    """Who will help, asked before the customer consents."""
    info = support_queries.join_info(body.join, now_ms())
    if info is None or info.state == "ended":
        raise Expired(gettext("This session has ended. Ask your representative for a new session key."))
    return {"representative": info.representative, "site": site_name(), "expires_ms": info.expires_ms}


@json_post(StartBody)
def customer_start(request: HttpRequest, body: StartBody) -> object:
    """The customer consented: the session goes into the representative's queue."""
    started = start_customer(
        caller(request), join=body.join, key=body.key, proof=body.proof, facts=body.facts, version=body.version
    )
    return msgspec.structs.asdict(started)


@require_GET
def client_linux(request: HttpRequest) -> HttpResponse | FileResponse:
    """The Linux client as it was built, without any configuration."""
    path = jump_queries.client_file()
    if path is None:
        text = gettext("The client for Linux is missing on this appliance. Ask its administrator to build it.")
        return render(request, "design/error.html", {"text": text, "status": 404}, status=404)
    response = FileResponse(
        path.open("rb"), as_attachment=True, filename=path.name, content_type="application/octet-stream"
    )
    response.block_size = BLOCK_SIZE
    return response


def caller(request: HttpRequest) -> Actor:
    """An endpoint: known by nothing but its address and what it proves."""
    return Actor(subject=Subject(kind="anonymous"), source_ip=str(request.META.get("REMOTE_ADDR", "")))


def _decode(request: HttpRequest, decoder: "msgspec.json.Decoder[B]") -> B:
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY:
        raise Invalid("", gettext("This request is too large."))
    try:
        return decoder.decode(request.body)
    except NOT_UNDERSTOOD as error:
        raise Invalid(
            "", gettext("This request was not understood: %(reason)s.") % {"reason": str(error)[:200]}
        ) from error
