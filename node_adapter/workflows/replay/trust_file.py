"""The trust file that this node gives: a block of the chain, in the word of this member (docs/spec/evidence-2.md, 10).

A verifier takes it from a member other than the one whose bundle it checks, and pins that one's key beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from evidence.chain.engine import Header, HeaderRule
from evidence.version2.documents.trust import Signer, TrustedBlock, build_trust
from evidence.version2.state.headers import RULES
from node_adapter.node import Node
from node_adapter.store.chain import blocks, evidence
from node_adapter.workflows.identity.keys_in_force import keys_in_force
from primitives.errors import InvalidInput, VerificationFailed


@dataclass(frozen=True)
class OwnWord:
    """A trust file of this member, and the public key (hex) that signed it: who verifies under it pins that key."""

    file: bytes
    key: str


def trust_file(node: Node, number: int | None = None) -> bytes:
    """Return this member's trust file of a block that it has indexed; of the newest, if none is named.

    Raises:
        CouldNotCheck: `index-empty`, `block-unknown`, `node-restored`, `signing-key-not-held`.
        VerificationFailed: `block-header`, the index is damaged.
    """
    with node.store.read() as connection:
        return own_word(node, connection, blocks.tip(connection).number if number is None else number).file


def own_word(node: Node, connection: Connection, number: int) -> OwnWord:
    """Return the trust file of an indexed block under the signing key that is in force now.

    Raises:
        CouldNotCheck, VerificationFailed: as `trust_file`.
    """
    digest, data = evidence.header(connection, number)
    rule, header = _read(number, digest, data)
    keys, chain = keys_in_force(node, connection), node.settings.chain
    block = TrustedBlock(
        chain_id=chain.chain_id,
        header_rule=rule.name,
        directory=chain.directory,
        number=header.number,
        hash=header.hash,
        time=header.timestamp,
        validators=() if rule.seals is None else rule.seals.validators(data, "header"),
    )
    public = keys.signing_public
    file = build_trust(
        block, Signer(node.did, node.suite.alg, public), lambda signed: node.suite.sign(keys.signing_seed, signed)
    )
    return OwnWord(file, public.hex())


def _read(number: int, digest: bytes, data: bytes) -> tuple[HeaderRule, Header]:
    """Return the rule by which a header hashes to what the index says; where several do, one that knows seals."""
    for rule in sorted(RULES.values(), key=lambda rule: rule.seals is None):
        try:
            header = rule.parse(data, "header")
        except InvalidInput:
            continue
        if (header.number, header.hash) == (number, digest):
            return rule, header
    raise VerificationFailed("block-header", f"the stored header of block {number} is another one")
