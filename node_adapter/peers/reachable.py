"""Which addresses a node may be sent to by what another member has said on the chain.

A member writes any host it likes into its DID. Followed blindly, it would make every node that checks its credentials
knock at loopback ports, neighbours and the machines' own metadata service. So the host is resolved once, every address
that is not on the public internet or in a network that this node's operator has named is passed over, and the
connection goes to the very address that was looked at: a name that answers otherwise the next time gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from primitives.errors import CouldNotCheck, InvalidInput

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
CODE = "peer-address"
# What the internet routes (RFC 4291, section 2.4): outside of it lie old forms, such as site-local and IPv4-compatible
# addresses and the local NAT64 prefix, which `is_global` lets pass and which lead to neighbours.
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


def read_networks(text: str, field: str) -> tuple[Network, ...]:
    """Read networks in CIDR notation, separated by commas; none in an empty text.

    Raises:
        InvalidInput: one of them is none.
    """
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",")) if text.strip() else ()
    except ValueError as error:
        raise InvalidInput(field, "networks", f"must be networks such as 10.1.0.0/16, by commas: {error}") from error


def address_to_ask(host: str, port: int, networks: Sequence[Network]) -> str:
    """Return the address of a host to which a connection may be opened.

    Args:
        host: a name or an address, as a URL has it.
        port: where.
        networks: what may be reached besides the public internet.

    Raises:
        CouldNotCheck: `peer-unreachable`, the name is not known; `peer-address`, none of its addresses is allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CouldNotCheck("peer-unreachable", f"the name {host[:100]} is not known here") from error
    for entry in found:
        text = str(entry[4][0])
        if _is_allowed(ip_address(text.partition("%")[0]), networks):
            return text
    raise CouldNotCheck(
        CODE, f"{host[:100]} is not on the public internet, and no network of http.peer_networks holds it"
    )


def _is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    inner = _embedded(address)
    if inner is not None:
        return _is_allowed(inner, networks)
    if any(address in network for network in networks):
        return True
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
