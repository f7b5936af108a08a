"""The log in two levels: leaves, tree, checkpoint and cosignature of one worked log of seven anchors."""

from __future__ import annotations

from dataclasses import replace

from evidence.log import tree
from evidence.log.note import key_id
from evidence.version2.log.anchor_tree import Peaks, batch_root
from evidence.version2.log.anchors import NO_CONTRACT, AnchorLeaf, Leaf, OpeningLeaf, head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, log_origin, sign_anchor_checkpoint
from evidence.version2.log.convict import Equivocation, PresentEntry, Rollback, SignedMap
from evidence.version2.log.cosignature import COSIGNATURE, cosign, with_cosignatures, witness_name, witness_verifier_key
from evidence.version2.log.multiproof import make_multiproof
from evidence.version2.map.label_map import Absence, LabelMap, Presence
from evidence.version2.state.heads import CONVICTION_HISTORY, Change, event_digest, head_of
from evidence.version2.verify.conviction import KINDS, conviction_digest
from primitives import ed25519
from primitives.canonical import canonical_json
from scripts.vectors.evidence import BROKER, seeded
from scripts.vectors.output import Vector

BROKER_SEED, WITNESS_SEED = seeded("member checkpoint seed"), seeded("witness checkpoint seed")
BROKER_KEY, WITNESS_KEY = ed25519.public_key(BROKER_SEED), ed25519.public_key(WITNESS_SEED)
WITNESS = "did:ethr:0x2a3f:0x" + seeded("witness")[:20].hex()
COSIGNED_AT = 1_795_224_000
UNNAMED = {
    "one is left out": (6, (3,), 7, ()),
    "another is named in its place": (6, (3,), 7, (4,)),
    "one of two is left out, and a later one named": (6, (3, 5), 7, (3, 6)),
    "of one number, each names what the other does not": (7, (3,), 7, (6,)),
    "of one number, each names one more than both do": (7, (2, 3), 7, (2, 6)),
}
"""Checkpoints that take a name back: number and names of the first, number and names of the second."""
NAMED = {
    "one is named later": (6, (), 7, (3,)),
    "all go on being named": (6, (3,), 7, (3, 6)),
    "of one number, one is named as soon as it is known": (7, (3,), 7, (3, 6)),
    "of one number, the same the other way round": (7, (3, 6), 7, (3,)),
    "the larger number comes first": (7, (), 6, (3,)),
    "the larger number comes first, and named more": (7, (3, 6), 6, (3,)),
}
"""Checkpoints that may follow each other, or are not given in their order."""
_FIRST_BLOCK, _FIRST_TIME, _PERIOD = 100, 1_795_223_700, 60


def entries_of(seq: int) -> list[bytes]:
    """Return the worked batch of an anchor: seq entries; of anchor 5 none, which is a heartbeat."""
    return [] if seq == 5 else [seeded(f"entry {place} of anchor {seq}") for place in range(seq)]


def opening() -> OpeningLeaf:
    """Return leaf 1 of the worked log, which continues a log of version 1."""
    former = "0x" + seeded("EvidenceAnchor")[:20].hex()
    roots = seeded("the former log's root"), seeded("the former map's root")
    return OpeningLeaf(former, 41, roots[0], 1000, roots[1], _FIRST_BLOCK, _FIRST_TIME)


def leaves() -> list[Leaf]:
    """Return the seven leaves of the worked log."""
    found: list[Leaf] = [opening()]
    for seq in range(2, 8):
        entries, size = entries_of(seq), found[-1].size_after
        found.append(
            AnchorLeaf(
                seq=seq,
                batch_root=batch_root(entries),
                size_before=size,
                size_after=size + len(entries),
                map_root=seeded(f"map of anchor {4 if seq == 5 else seq}"),
                block=_FIRST_BLOCK + 12 * seq,
                time=_FIRST_TIME + _PERIOD * seq,
                keys_digest=seeded("keys of the broker"),
                key_version=1,
            )
        )
    return found


def log_tree() -> tree.Tree:
    """Return the worked tree of anchors."""
    return tree.Tree.from_leaf_hashes(leaf.hash() for leaf in leaves())


def checkpoint(*wrong: int) -> AnchorCheckpoint:
    """Return the worked checkpoint."""
    last = leaves()[-1]
    if not isinstance(last, AnchorLeaf):
        raise TypeError(last)
    return AnchorCheckpoint(BROKER, last.seq, log_tree().root(), last.map_root, last.size_after, wrong)


def _opening() -> Vector:
    leaf, new = opening(), OpeningLeaf(NO_CONTRACT, 0, bytes(32), 0, bytes(32), _FIRST_BLOCK, _FIRST_TIME)
    return {
        "opening": leaf.to_json(),
        "opening_bytes": leaf.encode().hex(),
        "leaf_hash": leaf.hash().hex(),
        "opening_of_a_log_that_continues_nothing": new.encode().hex(),
    }


def _anchor() -> Vector:
    leaf, heartbeat = leaves()[1], leaves()[4]
    return {
        "entries": [entry.hex() for entry in entries_of(2)],
        "anchor": leaf.to_json(),
        "anchor_bytes": leaf.encode().hex(),
        "leaf_hash": leaf.hash().hex(),
        "heartbeat_bytes": heartbeat.encode().hex(),
    }


def _tree() -> Vector:
    whole, peaks = log_tree(), Peaks()
    for leaf in leaves():
        peaks, _ = peaks.append(leaf.hash())
    return {
        "leaf_hashes": [leaf.hash().hex() for leaf in leaves()],
        "peaks_of_7": [peak.hex() for peak in peaks.hashes],
        "root_7": peaks.root().hex(),
        "head_7": head_digest(7, peaks.root()).hex(),
        "inclusion_of_anchor_3": [node.hex() for node in whole.inclusion(2, 7)],
        "consistency_3_to_7": [node.hex() for node in whole.consistency(3, 7)],
        "multiproof_of_anchors_1_3_7": [node.hex() for node in make_multiproof([0, 2, 6], 7, whole.node)],
    }


def _checkpoint() -> Vector:
    note = sign_anchor_checkpoint(checkpoint(), BROKER_SEED)
    return {
        "signing_seed": BROKER_SEED.hex(),
        "public_key": BROKER_KEY.hex(),
        "key_id": key_id(log_origin(BROKER), BROKER_KEY).hex(),
        "note": note,
        "note_bytes": note.encode().hex(),
        "note_that_names_anchors_3_and_6_as_wrong": sign_anchor_checkpoint(checkpoint(3, 6), BROKER_SEED),
    }


def _cosignature() -> Vector:
    note, name = sign_anchor_checkpoint(checkpoint(), BROKER_SEED), witness_name(WITNESS)
    text = checkpoint().text()
    line = cosign(note, name, COSIGNED_AT, WITNESS_SEED)
    return {
        "signing_seed": WITNESS_SEED.hex(),
        "verifier_key": witness_verifier_key(name, WITNESS_KEY),
        "key_id": key_id(name, WITNESS_KEY, COSIGNATURE).hex(),
        "signed_bytes": f"cosignature/v1\ntime {COSIGNED_AT}\n{text}".encode().hex(),
        "line": line,
        "note": with_cosignatures(note, line, {name: WITNESS_KEY}),
    }


def _equivocation() -> Vector:
    other = replace(checkpoint(), map_root=seeded("another map of anchor 7"))
    first, second = (sign_anchor_checkpoint(made, BROKER_SEED) for made in (checkpoint(), other))
    convicts, acquits = ({name: _naming(*named) for name, named in cases.items()} for cases in (UNNAMED, NAMED))
    return {
        "equivocation": canonical_json(Equivocation(BROKER, first, second).to_json()).decode(),
        "equivocation_by_a_name_that_is_taken_back": canonical_json(convicts["one is left out"]).decode(),
        "by_names": {"convicts": convicts, "acquits": acquits},
    }


def _naming(before: int, first: tuple[int, ...], after: int, second: tuple[int, ...]) -> Vector:
    """Return the document of two checkpoints by their numbers of anchors and what they name wrong."""
    notes = []
    for seq, wrong in ((before, first), (after, second)):
        last, root = leaves()[seq - 1], log_tree().root_at(seq)
        if not isinstance(last, AnchorLeaf):
            raise TypeError(last)
        made = AnchorCheckpoint(BROKER, seq, root, last.map_root, last.size_after, wrong)
        notes.append(sign_anchor_checkpoint(made, BROKER_SEED))
    return Equivocation(BROKER, notes[0], notes[1]).to_json()


def _rollback() -> Rollback:
    """Return the claim of a label that anchor 6 holds and anchor 7 does not."""
    label, entry = seeded("label"), seeded("entry")
    rest = {seeded(f"label {number}"): seeded(f"entry {number}") for number in range(5)}
    maps = LabelMap().insert({**rest, label: entry}), LabelMap().insert(rest)
    signed = [
        sign_anchor_checkpoint(
            replace(checkpoint(), seq=seq, root=log_tree().root_at(seq), map_root=of.root), BROKER_SEED
        )
        for seq, of in zip((6, 7), maps, strict=True)
    ]
    held, gone = (of.prove(label) for of in maps)
    if isinstance(held, Absence) or isinstance(gone, Presence):
        raise TypeError(held)
    return Rollback(
        broker=BROKER,
        label=label,
        earlier=SignedMap(signed[0], None, PresentEntry(entry, held.path)),
        later=SignedMap(signed[1], None, gone),
    )


def _recorded(claim: Rollback) -> Vector:
    """Return what stands on the chain of a document that one member recorded."""
    digest, member = conviction_digest(claim), WITNESS.rpartition(":")[2]
    told = {"member": member, "kind": KINDS[claim.to_json()["format"]], "digest": digest}
    change = Change(_FIRST_BLOCK + 99, _FIRST_TIME + 7 * _PERIOD + 5, event_digest("ConvictionRecorded", told))
    recorded = {**told, "digest": digest.hex(), "block": change.block, "time": change.time}
    return {
        "document_digest": digest.hex(),
        "recorded": canonical_json(recorded).decode(),
        "change": change.digest.hex(),
        "head": head_of(CONVICTION_HISTORY, [change]).hex(),
    }


def vectors() -> dict[str, Vector]:
    """Return the vectors by name."""
    return {
        "log-opening": _opening(),
        "log-anchor": _anchor(),
        "log-tree": _tree(),
        "log-checkpoint": _checkpoint(),
        "log-cosignature": _cosignature(),
        "log-equivocation": _equivocation(),
        "log-rollback": {"rollback": canonical_json(_rollback().to_json()).decode()},
        "conviction-record": _recorded(_rollback()),
    }
