"""Network addresses as programs write and count them: one spelling per peer, one bucket per customer of the net.

A socket that listens on IPv6 sees IPv4 peers as `::ffff:192.0.2.7`; people, rules and logs know them as `192.0.2.7`.
An IPv6 customer has a whole /64, so limits count by it.
"""

import ipaddress
import re
from typing import Final

HOST_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
"""A host name in small letters, without a dot at its end."""


def plain_address(text: str) -> str:
    """Return an address in its one spelling: IPv4 without the IPv6 wrapping, IPv6 short and without its zone.

    What is no address comes back as it is.
    """
    parsed = _parse(text)
    return text if parsed is None else str(parsed)


def address_block(text: str) -> str:
    """Return what an address is counted by: IPv4 whole, IPv6 by its /64 (`2001:db8:1:2::`), else `unknown`."""
    parsed = _parse(text)
    if parsed is None:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def is_host(text: str) -> bool:
    """Say whether this is a host name (letters of any case) or an address."""
    return HOST_NAME.fullmatch(text.lower()) is not None or _parse(text) is not None


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed
