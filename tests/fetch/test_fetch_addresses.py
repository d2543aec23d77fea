from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.fetch.addresses import is_permitted, is_public
from worker.fetch.backend import refuse_private
from worker.fetch.failures import FetchError

PUBLIC = {
    "1.1.1.1": "a resolver",
    "93.184.215.14": "a site",
    "100.63.255.255": "below carrier-grade NAT",
    "100.128.0.0": "above it",
    "172.15.255.255": "below 172.16/12",
    "172.32.0.0": "above it",
    "223.255.255.255": "below multicast",
    "2606:4700::1111": "a site over IPv6",
    "2001:200::1": "the first that is no protocol assignment",
    "::ffff:1.1.1.1": "IPv4-mapped",
    "64:ff9b::1.1.1.1": "NAT64",
    "2002:101:101::1": "6to4",
}
NOT_PUBLIC = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "this network",
    "10.1.2.3": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "Alibaba's metadata",
    "127.0.0.1": "loopback",
    "127.255.255.254": "the other end of loopback",
    "168.63.129.16": "Azure's WireServer",
    "169.254.169.254": "metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "Oracle's metadata",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast of a site",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "IPv4-compatible",
    "::1.1.1.1": "IPv4-compatible, deprecated whatever it holds",
    "::ffff:127.0.0.1": "IPv4-mapped loopback",
    "::ffff:169.254.169.254": "IPv4-mapped metadata",
    "::ffff:0:127.0.0.1": "IPv4-translated",
    "64:ff9b::127.0.0.1": "NAT64 of loopback",
    "64:ff9b::169.254.169.254": "NAT64 of metadata",
    "64:ff9b:1::1.1.1.1": "local-use NAT64",
    "100::1": "discard",
    "2001::1": "Teredo",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo of a public server",
    "2001:2::1": "benchmarks",
    "2001:db8::1": "documentation",
    "2002:7f00:1::1": "6to4 of loopback",
    "2002:a9fe:a9fe::1": "6to4 of metadata",
    "3fff::1": "documentation",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00:ec2::254": "Amazon's metadata over IPv6",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local with its zone",
    "fec0::1": "site-local, deprecated",
    "ff02::1": "multicast",
    "ff0e::1": "global multicast",
}


@pytest.mark.parametrize("text", PUBLIC, ids=PUBLIC.get)
def test_what_all_the_internet_reaches_is_public(text: str) -> None:
    """An address of the global unicast space, or one that leads to such an address, is public."""
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC, ids=NOT_PUBLIC.get)
def test_what_is_local_special_or_wraps_such_is_not_public(text: str) -> None:
    """An address that stands for a machine nearby, a group, or nothing, is not public, however it is written."""
    assert not is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_nothing_is_public_that_ipaddress_calls_private(address: IPv4Address) -> None:
    """The table is never laxer than the standard library's."""
    assert not is_public(address) or (address.is_global and not address.is_multicast)


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_judged_as_the_address_itself(address: IPv4Address) -> None:
    """Mapped, NAT64 and 6to4 forms are as public as what they lead to."""
    forms = (
        IPv6Address(f"::ffff:{address}"),
        IPv6Address(f"64:ff9b::{address}"),
        IPv6Address((0x2002 << 112) | (int(address) << 80) | 1),
    )
    assert {is_public(form) for form in forms} == {is_public(address)}


@pytest.mark.parametrize(
    ("text", "permitted"),
    [
        pytest.param("10.1.2.3", True, id="within"),
        pytest.param("::ffff:10.1.2.3", True, id="within, mapped"),
        pytest.param("64:ff9b::10.1.2.3", True, id="within, through NAT64"),
        pytest.param("10.2.0.0", False, id="just outside"),
        pytest.param("fd00::5", True, id="an IPv6 network"),
        pytest.param("fd01::5", False, id="outside the IPv6 network"),
        pytest.param("127.0.0.1", False, id="another private one"),
        pytest.param("1.1.1.1", True, id="public ones stay open"),
    ],
)
def test_allowed_networks_open_what_lies_in_them_and_nothing_else(text: str, permitted: bool) -> None:
    """A network that the operator allows is open in all the forms of its addresses."""
    allow = [ip_network("10.1.0.0/16"), ip_network("fd00::/16")]
    assert is_permitted(ip_address(text), allow) is permitted


def test_what_is_not_permitted_is_named_once() -> None:
    """The host with its address; a host that is one, alone."""
    address = ip_address("127.0.0.1")
    with pytest.raises(FetchError, match=r"^host is at 127\.0\.0\.1, which is not public"):
        refuse_private("host", [address], [])
    with pytest.raises(FetchError, match=r"^127\.0\.0\.1 is not public"):
        refuse_private("127.0.0.1", [address], [])
