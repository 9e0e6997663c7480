"""One spelling per peer, one bucket per customer of the net."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farhand.kit.address import address_block, plain_address


@pytest.mark.parametrize(
    ("seen", "shown", "counted"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:0207", "192.0.2.7", "192.0.2.7"),
        ("2001:DB8:1:2:0:0:0:9", "2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::1", "fe80::"),
        ("unknown", "unknown", "unknown"),
        ("", "", "unknown"),
        ("not an address", "not an address", "unknown"),
    ],
)
def test_addresses(seen: str, shown: str, counted: str) -> None:
    assert (plain_address(seen), address_block(seen)) == (shown, counted)


@given(st.ip_addresses(v=4))
def test_an_address_is_one_however_the_socket_shows_it(address: ipaddress.IPv4Address) -> None:
    assert plain_address(f"::ffff:{address}") == plain_address(str(address)) == str(address)
    assert address_block(f"::ffff:{address}") == address_block(str(address))


@given(st.ip_addresses(v=6))
def test_a_customers_whole_block_counts_as_one(address: ipaddress.IPv6Address) -> None:
    first = ipaddress.ip_network((address, 64), strict=False)[1]
    if address.ipv4_mapped is None and first.ipv4_mapped is None:
        assert address_block(str(address)) == address_block(str(first))
