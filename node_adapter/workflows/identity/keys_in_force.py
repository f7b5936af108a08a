"""Which of the member's keys are in force, as the registry has it at a block; and their rotation.

1. A new generation is sealed in the keystore before anything else: a key that only the chain knows signs nothing.
2. `rotateKeys` goes through the outbox, under a key that names the generation: asked for again, it is not sent again.
3. Nothing is switched. Whoever signs asks here which generation the registry held at the block in question, so that a
   process that was killed, or has not heard of the rotation, still signs with the right key or not at all.
4. A checkpoint is signed when its anchor is final, with the keys that the registry held at its block.
5. A promise is good under the keys of its record's anchor, or of the anchor before (docs/spec/evidence-2.md, section
   7). So a rotation waits until no anchor is on its way and the newest one names the keys in force, no anchor is built
   while it is on its way, and the next one takes every record that the ended keys promised.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection

from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from node_adapter.chain.abi import LOG_OF_ANCHORS, encode_call, member_keys
from node_adapter.keys.member_keys import Entropy, MemberKeys
from node_adapter.node import Node
from node_adapter.store import alarms, anchor_tree, anchors, outbox, restored, wrong_anchors
from node_adapter.store.chain import directory, member_registry
from node_adapter.store.outbox import OutboxRow
from primitives.errors import CouldNotCheck

REGISTRY = "MemberRegistry"
KIND_ROTATION = "key-rotation"
IN_FORCE, ENDED, WAITING = "in-force", "ended", "waiting"


@dataclass(frozen=True)
class Generation:
    """One generation of keys: its state, and the blocks from which and before which it was in force."""

    keys: MemberKeys
    state: str
    from_block: int | None
    until_block: int | None


def keys_in_force(node: Node, connection: Connection, block: int | None = None) -> MemberKeys:
    """Return the generation to sign with: as `keys_at`, and of a copy that was restored none before it is whole.

    Raises:
        CouldNotCheck: `signing-key-not-held`; `node-restored`.
    """
    restored.require_caught_up(connection)
    return keys_at(node, connection, block)


def keys_at(node: Node, connection: Connection, block: int | None = None) -> MemberKeys:
    """Return the generation that the registry held at a block; at the last indexed one, if none is given.

    It is for what reads a public key, and for the chain process, which signs again what the chain holds of a restored
    copy. A member that was never admitted signs with its first one, a suspended one with what it had.

    Raises:
        CouldNotCheck: `signing-key-not-held`, the registry names a key that the keystore does not hold.
    """
    registered = member_registry.registered_keys(connection, node.address, block)
    return held_keys(node, registered[-1].signing) if registered else node.keys.generations[0]


def held_keys(node: Node, public: bytes) -> MemberKeys:
    """Return the generation of a signing key that the registry names.

    Raises:
        CouldNotCheck: `signing-key-not-held`, the keystore does not hold it.
    """
    found = node.keys.find(lambda keys: keys.signing_public == public)
    if found is None:
        raise CouldNotCheck(
            "signing-key-not-held",
            f"the registry holds the signing key {public.hex()} of this member, its keystore does not: restore it",
        )
    return found


def signing_keys(node: Node, connection: Connection, public: bytes | None) -> MemberKeys | None:
    """Return the generation with a public signing key, also one that has ended; None if not held.

    Raises:
        CouldNotCheck: `node-restored`.
    """
    restored.require_caught_up(connection)
    return node.keys.find(lambda keys: keys.signing_public == public)


def agreement_key(node: Node, connection: Connection, public: bytes) -> bytes | None:
    """Return the private key of one of this member's agreement keys, also of one that has ended; None if not held.

    Raises:
        CouldNotCheck: `node-restored`.
    """
    restored.require_caught_up(connection)
    found = node.keys.find(lambda keys: keys.agreement_public == public)
    return None if found is None else found.agreement_key


def require_no_rotation(connection: Connection) -> None:
    """Refuse what would be signed with a key that may have ended before others see the signature.

    Raises:
        CouldNotCheck: `key-rotation`, one is on its way.
    """
    if outbox.open_rows(connection, KIND_ROTATION):
        raise CouldNotCheck("key-rotation", "this member's keys are being rotated; try again in a moment")


def generations(node: Node, connection: Connection) -> list[Generation]:
    """Return every generation that the keystore holds, oldest first, with what the registry says of it."""
    node.keys.reload()
    registered = member_registry.registered_keys(connection, node.address)
    result = []
    for keys in node.keys.generations:
        places = [number for number, row in enumerate(registered) if row.signing == keys.signing_public]
        if not places:
            result.append(Generation(keys, WAITING if registered else IN_FORCE, None, None))
            continue
        following = registered[places[-1] + 1 :]
        state = ENDED if following else IN_FORCE
        until = following[0].block if following else None
        result.append(Generation(keys, state, registered[places[0]].block, until))
    return result


def rotate(node: Node, entropy: Entropy = secrets.token_bytes) -> tuple[MemberKeys, str]:
    """Begin a rotation, or go on with one that was begun; return the new keys and the key of the outbox row.

    A generation that the registry never held is used before another is made: a rotation that was cut short leaves one.

    Raises:
        Refused: `member-unknown`, `member-suspended`.
        CouldNotCheck: the new keys cannot be sealed; `node-restored`.
    """
    with node.store.write() as connection:
        restored.require_caught_up(connection)  # before keys are made that nobody asks for
        member_registry.require_active_member(connection, node.address)
        waiting = [entry.keys for entry in generations(node, connection) if entry.state == WAITING]
        if not waiting:
            node.keys.add(MemberKeys.generate(entropy, node.suite))
        new = waiting[-1] if waiting else node.keys.newest
        key = f"{KIND_ROTATION}:{new.signing_public.hex()}"
        target = directory.contract_address(connection, REGISTRY)
        data = encode_call(REGISTRY, "rotateKeys", outbox.call_id(key), member_keys(new.registered))
        outbox.enqueue_again(connection, KIND_ROTATION, key, target, data, node.clock.now_ms())
    return new, key


def are_in_a_leaf(node: Node, connection: Connection) -> bool:
    """Say whether the newest final anchor names the keys that the registry holds of this member."""
    newest = anchors.last_final(connection)
    registered = member_registry.registered_keys(connection, node.address)
    if newest is None or not registered:
        return False
    leaf = anchor_tree.find_leaf(connection, newest.seq)
    return isinstance(leaf, AnchorLeaf) and leaf.keys_digest == registered[-1].key_set().digest()


def rotation_waits(node: Node, connection: Connection, row: OutboxRow) -> bool:
    """Say whether a write of a broker is a rotation that has to wait for an anchor (rule 5)."""
    if row.kind != KIND_ROTATION or directory.find_address(connection, LOG_OF_ANCHORS) is None:
        return False
    newest = anchors.latest(connection)
    return newest is None or newest.block is None or not are_in_a_leaf(node, connection)


def rotation_is_sent(connection: Connection) -> bool:
    """Say whether a rotation is on its way to the chain."""
    return any(row.state != outbox.NEW for row in outbox.open_rows(connection, KIND_ROTATION))


def checkpoint_note(node: Node, connection: Connection, leaf: AnchorLeaf, root: bytes) -> str:
    """Return the signed checkpoint of a final anchor, empty and with an alarm where the keystore lacks the key.

    It names every anchor before that was named wrong; of one that is named wrong itself it is empty. The key may have
    changed while the anchor was on its way. It runs in the transaction that makes the anchor final, which goes on all
    the same: the index must.

    Args:
        node: the member's node.
        connection: a connection inside a write transaction.
        leaf: the anchor, which is the last leaf.
        root: of the tree.
    """
    about, now = str(leaf.seq), node.clock.now_ms()
    wrong = wrong_anchors.named(connection)
    if leaf.seq in wrong:
        return ""
    try:
        keys = keys_at(node, connection, leaf.block)
    except CouldNotCheck as error:
        alarms.raise_alarm(connection, alarms.KEY_NOT_HELD, about, error.detail, now)
        return ""
    alarms.close_alarm(connection, alarms.KEY_NOT_HELD, now, about)
    stated = AnchorCheckpoint(
        node.did, leaf.seq, root, leaf.map_root, leaf.size_after, tuple(seq for seq in wrong if seq < leaf.seq)
    )
    return sign_anchor_checkpoint(stated, keys.checkpoint_seed)
