"""What the page says of numbers and limits that no worked value shows (docs/spec/evidence.md)."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from evidence.chain.registry_events import ROLE_BROKER
from evidence.log.checkpoint import open_checkpoint
from primitives import ed25519
from primitives.errors import InvalidInput
from scripts.vectors.synthetic_chain import World, verify_bundle

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/spec/evidence.md").read_text(encoding="utf-8")
ORIGIN = "did:ethr:0x539:0x" + "b" * 40
SEED = hashlib.sha256(b"a member of tests").digest()


def note(*lines):
    body = "".join(f"{line}\n" for line in lines)
    public = ed25519.public_key(SEED)
    hint = hashlib.sha256(ORIGIN.encode() + b"\n\1" + public).digest()[:4]
    blob = base64.b64encode(hint + ed25519.sign(SEED, body.encode())).decode()
    return f"{body}\n— {ORIGIN} {blob}\n"


def opened(*extensions):
    root = base64.b64encode(bytes(32)).decode()
    return open_checkpoint(note(ORIGIN, 5, root, *extensions), ORIGIN, ed25519.public_key(SEED))


def test_extension_lines_are_signed_and_mean_nothing():
    assert opened() == opened("map 212406", "anything — else", "7") == opened(*["x"] * 100)
    with pytest.raises(InvalidInput):
        opened("one", "", "after an empty line")
    assert "further lines, none of them empty" in PAGE


def test_role_numbers_are_the_contracts():
    source = (ROOT / "contracts/interfaces/IMemberRegistry.sol").read_text(encoding="utf-8")
    names = re.search(r"enum Role \{([^}]*)\}", source).group(1).replace(",", "").split()
    for number, name in enumerate(names):
        assert f"{number} {name.lower()}" in PAGE
    assert names[ROLE_BROKER] == "Broker"


def bundle_with(schema):
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.accept("DUTY_NOTICE", {}, schema=schema)
    world.anchor()
    body = world.bundle().body()
    body["client"] = None
    return world.seal(body), world.trust()


@pytest.mark.parametrize("schema", ["1", "2", "9999"])
def test_evidence_holds_whatever_the_schema_of_the_payload(schema):
    assert verify_bundle(*bundle_with(schema)).ok


@pytest.mark.parametrize("schema", ["0", "01", "10000", "", "1.0"])
def test_a_schema_is_a_number_of_at_most_four_digits(schema):
    with pytest.raises(InvalidInput) as caught:
        bundle_with(schema)
    assert caught.value.rule == "schema"
