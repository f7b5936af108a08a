"""What `node init` printed of a member, read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.chain.founder import Founder
from primitives.address import check_address
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput
from primitives.suites import DEFAULT, suite_named

_KEY_BYTES = 32


def read_founder(value: object) -> Founder:
    """Read what `node init` printed, or its `member` part alone."""
    member = value.get("member", value) if isinstance(value, dict) else None
    keys = member.get("keys") if isinstance(member, dict) else None
    if not isinstance(member, dict) or not isinstance(keys, dict):
        raise InvalidInput("founder", "shape", "must be what `node init` printed")
    name, role = member.get("name"), member.get("role")
    if not isinstance(name, str) or not isinstance(role, str):
        raise InvalidInput("founder.name", "text", "name and role must be strings")
    return Founder(
        address=check_address(member.get("address"), "founder.address"),
        role=role,
        name=name,
        keys=_keys(keys),
    )


def _keys(keys: Mapping[str, Any]) -> MemberKeySet:
    """Read the public keys; those of the default suite name neither suite nor checkpoint key."""
    suite = suite_named(keys.get("suite", DEFAULT.name), "founder.keys.suite")
    signing = decode_hex(keys.get("signing"), "founder.keys.signing", suite.public_key_bytes)
    stated = keys.get("checkpoint", None if suite is not DEFAULT else keys.get("signing"))
    return MemberKeySet(
        suite.algorithm,
        signing,
        checkpoint=decode_hex(stated, "founder.keys.checkpoint", _KEY_BYTES),
        agreement=decode_hex(keys.get("agreement"), "founder.keys.agreement", _KEY_BYTES),
        compliance=check_address(keys.get("compliance"), "founder.keys.compliance"),
    )
