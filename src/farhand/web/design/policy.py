"""Exceptions from the site-wide Content-Security-Policy, each for named pages only.

The policy itself stands in the settings. A page that needs more says so by a decorator from here on its view; the test
of the policy knows them all.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from csp.constants import WASM_UNSAFE_EVAL
from csp.decorators import csp_update
from django.http import HttpResponseBase

_WORKER = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
"""A worker has the policy of its own script: this one hashes by WebAssembly and speaks to nobody but its page."""

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def may_decode(view: V) -> V:
    """Let the page run WebAssembly: the decoders of screens (zstd) and the player of shells. Nothing else is eased."""
    return cast(V, csp_update({"script-src": [WASM_UNSAFE_EVAL]})(view))


def policy_of_worker(headers: Any, path: str, url: str) -> None:
    """Give the worker of file transfer its policy (called for every static file; the site-wide one is for the rest)."""
    if "/built/assets/disk.worker-" in url:
        headers["Content-Security-Policy"] = _WORKER
