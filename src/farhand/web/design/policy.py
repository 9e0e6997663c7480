"""Exceptions from the site-wide Content-Security-Policy, each for named pages only.

The policy itself stands in the settings. A page that needs more says so by a decorator from here on its view; the test
of the policy knows them all.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from csp.constants import WASM_UNSAFE_EVAL
from csp.decorators import csp_update
from django.http import HttpResponseBase

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def may_decode(view: V) -> V:
    """Let the page run WebAssembly: the decoders of screens (zstd) and the player of shells. Nothing else is eased."""
    return cast(V, csp_update({"script-src": [WASM_UNSAFE_EVAL]})(view))
