"""The part of a verification that the chain answers: headers, anchors, key histories (checks 1 to 8).

Properties raise `VerificationFailed` under the name of the check that establishes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from evidence import shapes
from evidence.chain.engine import HeaderChain, Log, PlacedLog, address_topic
from evidence.chain.engines import PROOF_KINDS
from evidence.chain.events import Event, decode_event
from evidence.chain.registry_events import (
    MEMBER_EVENTS,
    ROLE_BROKER,
    RegistryEvent,
    member_keys,
    read_history,
    signing_keys_ever,
)
from evidence.documents.bundle import AnchorItem, Bundle
from evidence.documents.trust import TrustFile, blocks_of_other_contracts
from evidence.log.checkpoint import open_checkpoint
from evidence.map.map_history import AnchoredMap
from evidence.verify.verdict import CHECKS, KeyChange, LastAnchor
from primitives.errors import InvalidInput, VerificationFailed


@dataclass(frozen=True)
class Histories:
    """An identity's history in each registry that the Directory named."""

    trust: TrustFile
    name: str
    by_address: Mapping[str, tuple[RegistryEvent, ...]]

    def at(self, block: int) -> tuple[RegistryEvent, ...]:
        """Return the history in the registry that was in force at a block."""
        return self.by_address[self.trust.address_at(self.name, block)]

    @property
    def in_order(self) -> list[RegistryEvent]:
        """The events of all registries, in the chain's order."""
        every = (event for events in self.by_address.values() for event in events)
        return sorted(every, key=lambda event: (event.block, event.tx_index, event.log_position))

    @property
    def count(self) -> int:
        """The number of events, over all registries."""
        return sum(len(events) for events in self.by_address.values())


class ChainEvidence:
    """What the bundle's chain material proves against the trust file."""

    def __init__(self, bundle: Bundle, trust: TrustFile) -> None:
        """Hold both; nothing is checked yet."""
        self._bundle = bundle
        self._trust = trust

    # -- 1 to 4: the frame

    def structure(self) -> str:
        """Check 1: the parts fit together."""
        bundle, trust = self._bundle, self._trust
        chain_ids = {bundle.chain_id, trust.chain_id, shapes.did_parts(bundle.broker)[0]}
        if bundle.client is not None:
            chain_ids.add(shapes.did_parts(bundle.client)[0])
        if len(chain_ids) != 1:
            raise VerificationFailed("structure", f"bundle and trust file speak of several chains: {chain_ids}")
        if bundle.header_rule != trust.rule.name:
            raise VerificationFailed("structure", "bundle and trust file name different header rules")
        _require_order([anchor.seq for anchor in bundle.anchors], "anchors by seq")
        _require_order([anchor.block for anchor in bundle.anchors], "anchors by block", strict=False)
        _require_order([block.number for block in bundle.blocks], "blocks by number")
        subjects = [history.subject for history in bundle.histories]
        if len(set(subjects)) != len(subjects):
            raise VerificationFailed("structure", "a subject has two histories")
        known = {anchor.seq for anchor in bundle.anchors}
        for history in bundle.histories:
            for number, item in enumerate(history.records, 1):
                if item.first_anchor not in known:
                    raise VerificationFailed(
                        "structure", f"record {number} names anchor {item.first_anchor}, which is not in the bundle"
                    )
        return f"{len(bundle.history.records)} records, {len(bundle.anchors)} anchors, {len(bundle.blocks)} blocks"

    def canonical_form(self) -> str:
        """Check 2: the bundle came in its one spelling."""
        if not self._bundle.canonical:
            raise VerificationFailed("canonical-form", "the bytes are not the RFC 8785 form: somebody wrote them anew")
        return "the bytes are the RFC 8785 form"

    @cached_property
    def chain(self) -> HeaderChain:
        """The trusted headers, linked."""
        return HeaderChain(self._trust.headers)

    def header_chain(self) -> str:
        """Check 3: the headers link and reach every block of the bundle."""
        chain = self.chain
        for number in [anchor.block for anchor in self._bundle.anchors] + [b.number for b in self._bundle.blocks]:
            chain.at(number)
        return f"blocks {chain.first} to {chain.last} link"

    @cached_property
    def _blocks(self) -> Mapping[int, tuple[PlacedLog, ...]]:
        """The blocks that are shown and trusted; one that is out of reach is a matter of `header-chain`."""
        kind, chain = PROOF_KINDS[self._bundle.proof_kind], self.chain
        return {
            block.number: kind.open_all(chain.at(block.number), block.receipts)
            for block in self._bundle.blocks
            if chain.reaches(block.number)
        }

    def block_receipts(self) -> str:
        """Check 4: every carried block has exactly its receipts."""
        return f"{len(self._blocks)} blocks carry exactly their receipts"

    # -- 5 to 8: the anchors and the broker's keys

    @cached_property
    def _anchor_logs(self) -> Mapping[int, Log]:
        kind = PROOF_KINDS[self._bundle.proof_kind]
        logs = {}
        for anchor in sorted(self._bundle.anchors, key=lambda anchor: not self.chain.reaches(anchor.block)):
            try:  # what can be refuted comes before what is out of reach
                found = kind.open_one(self.chain.at(anchor.block), anchor.tx_index, anchor.proof)
            except VerificationFailed as error:
                check = error.check if error.check in CHECKS else "anchor-event"
                raise VerificationFailed(check, f"anchor {anchor.seq}: {error.detail}") from error
            if anchor.log_position >= len(found):
                raise VerificationFailed("anchor-event", f"anchor {anchor.seq}: the receipt has {len(found)} logs")
            logs[anchor.seq] = found[anchor.log_position]
        return logs

    def directory(self) -> str:
        """Check 5: every anchor comes from the address that the trust file names."""
        for anchor in self._bundle.anchors:
            expected = self._trust.address_at("EvidenceAnchor", anchor.block)
            actual = self._anchor_logs[anchor.seq].address
            if actual != expected:
                raise VerificationFailed(
                    "directory", f"anchor {anchor.seq} was made by {actual}; EvidenceAnchor was {expected} then"
                )
        self._check_other_contracts()
        return f"{len(self._bundle.anchors)} anchors come from the consortium's EvidenceAnchor"

    def _check_other_contracts(self) -> None:
        """Each contract counts from 1 for itself: what the broker anchored under another one is not in this bundle."""
        self.chain.at(self.last.block)
        contract = self._trust.address_at("EvidenceAnchor", self.last.block)
        for number in blocks_of_other_contracts(
            self._trust, self.chain, "EvidenceAnchor", contract, self._member_topic, self.last.block
        ):
            if number not in self._blocks:
                raise VerificationFailed("directory", f"block {number} may hold an anchor of the broker elsewhere")
            for placed in self._blocks[number]:
                if placed.log.address != contract and self._is_anchor(placed.log, number):
                    raise VerificationFailed(
                        "directory", f"block {number} holds an anchor of the broker under another EvidenceAnchor"
                    )

    def _is_anchor(self, log: Log, block: int) -> bool:
        if log.address != self._trust.address_at("EvidenceAnchor", block) or log.topics[1:2] != (self._member_topic,):
            return False
        event = decode_event(log)
        return event is not None and event.name == "Anchored"

    @property
    def _member_topic(self) -> bytes:
        return address_topic(shapes.did_parts(self._bundle.broker)[1])

    @cached_property
    def events(self) -> Mapping[int, Event]:
        """The anchors' events by seq, proved under their blocks."""
        member = shapes.did_parts(self._bundle.broker)[1]
        events: dict[int, Event] = {}
        size = 0
        for number, anchor in enumerate(self._bundle.anchors, 1):
            if anchor.seq != number:
                raise VerificationFailed("anchor-event", f"anchor {number} of the broker is not in the bundle")
            try:
                event = decode_event(self._anchor_logs[anchor.seq])
            except VerificationFailed as error:
                check = error.check if error.check in CHECKS else "anchor-event"
                raise VerificationFailed(check, f"anchor {anchor.seq}: {error.detail}") from error
            if event is None or event.name != "Anchored":
                raise VerificationFailed("anchor-event", f"anchor {anchor.seq}: the log is no Anchored event")
            if (event.args["member"], event.args["seq"]) != (member, anchor.seq):
                raise VerificationFailed(
                    "anchor-event", f"anchor {anchor.seq}: the event is of another member or another anchor"
                )
            if event.args["size"] < size:
                raise VerificationFailed("anchor-event", f"anchor {anchor.seq}: the log shrank")
            size = event.args["size"]
            events[anchor.seq] = event
        return events

    @property
    def maps(self) -> tuple[AnchoredMap, ...]:
        """What every anchor says of the log's size and the map."""
        return tuple(AnchoredMap(seq, event.args["size"], event.args["map_root"]) for seq, event in self.events.items())

    def anchor_event(self) -> str:
        """Check 6: the anchors are all Anchored events of the broker up to the last, which is the last of its block."""
        found = len(self.events)
        contract = self._trust.address_at("EvidenceAnchor", self.last.block)
        if self.last.block not in self._blocks:
            raise VerificationFailed("anchor-event", f"block {self.last.block} of the last anchor is not shown whole")
        for placed in self._blocks[self.last.block]:
            if placed.log.address != contract or placed.log.topics[1:2] != (self._member_topic,):
                continue
            event = decode_event(placed.log)
            if event is not None and event.name == "Anchored" and event.args["seq"] > self.last.seq:
                raise VerificationFailed(
                    "anchor-event", f"anchor {event.args['seq']} of the broker stands in the last anchor's block too"
                )
        return f"anchors 1 to {found} are proved under their blocks, none follows in block {self.last.block}"

    @property
    def last(self) -> AnchorItem:
        """The anchor that the bundle is complete as of."""
        return self._bundle.anchors[-1]

    def registry_history(self, name: str, identity: str, names: frozenset[str], check: str) -> Histories:
        """Return an identity's whole history up to the last anchor, in every registry that the Directory named."""
        self.chain.at(self.last.block)  # a history up to a block needs the headers up to there
        histories: dict[str, tuple[RegistryEvent, ...]] = {}
        for entry in self._trust.entries(name):
            if entry.from_block > self.last.block:
                continue
            if entry.address not in histories:
                histories[entry.address] = read_history(
                    self.chain,
                    self._trust.rule,
                    self._blocks,
                    registry=entry.address,
                    identity=identity,
                    names=names,
                    up_to=self.last.block,
                    check=check,
                )
            if not histories[entry.address]:
                self.chain.at(entry.from_block)  # an empty history needs headers from the contract's first block on
        return Histories(self._trust, name, histories)

    @cached_property
    def _member(self) -> Histories:
        member = shapes.did_parts(self._bundle.broker)[1]
        return self.registry_history("MemberRegistry", member, MEMBER_EVENTS, "member-key-history")

    def signing_key(self, block: int, check: str) -> bytes:
        """Return the broker's signing key in force at a block."""
        keys = member_keys(self._member.at(block), block)
        if keys is None or keys.role != ROLE_BROKER:
            raise VerificationFailed(check, f"{self._bundle.broker} is no active broker at block {block}")
        return keys.signing

    def signing_keys_ever(self) -> list[bytes]:
        """Return every signing key that the broker had up to the last anchor."""
        return signing_keys_ever(self._member.at(self.last.block))

    def key_changes(self, client: Histories | None) -> tuple[KeyChange, ...]:
        """Return every change of the broker's and the client's keys up to the last anchor, in the chain's order."""
        return tuple(
            KeyChange(
                registry=histories.name,
                event=event.name,
                block=event.block,
                time=self.chain.at(event.block).timestamp,
                args={name: _shown(value) for name, value in event.args.items()},
            )
            for histories in (self._member, client)
            if histories is not None
            for event in histories.in_order
        )

    @property
    def last_anchor(self) -> LastAnchor:
        """Return what the last anchor covers, and when its block was made."""
        block = self.last.block
        return LastAnchor(self.last.seq, self.events[self.last.seq].args["size"], block, self.chain.at(block).timestamp)

    def member_key_history(self) -> str:
        """Check 7: the broker's history is whole, and it was an active broker at every anchor."""
        for anchor in self._bundle.anchors:
            self.signing_key(anchor.block, "member-key-history")
        return f"{self._member.count} changes up to block {self.last.block}, none missing"

    def checkpoint_signature(self) -> str:
        """Check 8: every checkpoint is signed by the broker and says what was anchored."""
        for anchor in self._bundle.anchors:
            key = self.signing_key(anchor.block, "checkpoint-signature")
            try:
                note = open_checkpoint(anchor.checkpoint, self._bundle.broker, key)
            except InvalidInput as error:
                raise VerificationFailed("checkpoint-signature", f"anchor {anchor.seq}: {error}") from error
            event = self.events[anchor.seq]
            if (note.size, note.root) != (event.args["size"], event.args["root"]):
                raise VerificationFailed(
                    "checkpoint-signature", f"anchor {anchor.seq}: the checkpoint is not what was anchored"
                )
        return f"{len(self._bundle.anchors)} checkpoints are signed by the broker's key of their block"


def _require_order(numbers: list[int], what: str, *, strict: bool = True) -> None:
    for one, other in pairwise(numbers):
        if one > other or (strict and one == other):
            raise VerificationFailed("structure", f"{what} are not in order")


def _shown(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else value
