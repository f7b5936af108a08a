"""What one trusted block says of a broker: its log, its keys, who watched it (docs/spec/evidence-2.md, 13).

Each check is a method that returns what it found in one phrase; what several need is a cached property that raises as
its check would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from evidence import shapes
from evidence.chain.engine import Header
from evidence.version2.documents.chain_evidence import ChainEvidence, LogItem, MemberItem
from evidence.version2.documents.trust import TrustedBlock, trusted_header
from evidence.version2.log.anchors import NO_CONTRACT, AnchorLeaf, head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, open_anchor_checkpoint
from evidence.version2.log.cosignature import Cosigned, cosigned_by, witness_name
from evidence.version2.log.multiproof import multiproof_root
from evidence.version2.state.active_members import check_active, member_leaf
from evidence.version2.state.did_changes import check_did_history
from evidence.version2.state.directory import DirectoryEntry, check_directory, contracts_named
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.state.slots import ACTIVE_COUNT, ACTIVE_ROOT, DID_HEAD, DIRECTORY_HEAD, LOG_HEAD
from evidence.version2.state.trie import Account, StateProof
from primitives.errors import InvalidInput, VerificationFailed

LOG, VERSION_1, MEMBERS, DIDS = "EvidenceLog", "EvidenceAnchor", "MemberRegistry", "DidRegistry"
_NOTHING = bytes(32)


@dataclass(frozen=True)
class ChainWords:
    """What the contracts keep at the trusted block, as 32 bytes each."""

    directory_head: bytes
    log_head: bytes
    active_root: bytes
    active_count: int
    did_head: bytes


class ChainState:
    """A document's chain evidence under one trusted block."""

    def __init__(self, evidence: ChainEvidence, blocks: Sequence[TrustedBlock], least: int | None) -> None:
        """Take what is to be held against each other; nothing is checked yet. `least` is the block to be reached."""
        self._evidence = evidence
        self._blocks = blocks
        self._least = least

    @cached_property
    def _trusted(self) -> tuple[Header, TrustedBlock]:
        evidence, block = self._evidence, self._blocks[0]
        if (evidence.chain_id, evidence.header_rule) != (block.chain_id, block.header_rule):
            raise VerificationFailed("trust", "bundle and trust file are of two chains, or of two header rules")
        return trusted_header(self._blocks, evidence.header, self._least)

    @property
    def header(self) -> Header:
        """The trusted block's header.

        Raises:
            VerificationFailed: check `trust`.
        """
        return self._trusted[0]

    def trust(self) -> str:
        """Check the header against the trust files."""
        return f"block {self.header.number} stands on the word of {', '.join(self.signers)}"

    @property
    def signers(self) -> tuple[str, ...]:
        """Who signed the trust files."""
        return self._trusted[1].signers

    @cached_property
    def words(self) -> ChainWords:
        """What the contracts keep, with no node of the proof left over.

        Raises:
            VerificationFailed: check `state-proof`.
        """
        proof = StateProof(self.header.state_root, self._evidence.nodes)
        directory = proof.account(self._blocks[0].directory)
        if directory is None:
            raise VerificationFailed("state-proof", f"there is no Directory at {self._blocks[0].directory}")
        head = proof.word(directory, DIRECTORY_HEAD.slot())
        members = self._account(proof, self._contracts(MEMBERS)[-1])
        words = ChainWords(
            directory_head=head,
            log_head=self._log_head(proof),
            active_root=proof.word(members, ACTIVE_ROOT.slot()),
            active_count=int.from_bytes(proof.word(members, ACTIVE_COUNT.slot())),
            did_head=self._did_head(proof),
        )
        proof.finish()
        return words

    def state_proof(self) -> str:
        """Open every word that the bundle rests on."""
        count = self.words.active_count
        return f"the contracts' storage at block {self.header.number} opens; {count} members are active"

    def directory(self) -> str:
        """Check that the Directory's history is whole."""
        check_directory(self._evidence.directory, self.words.directory_head)
        late = [entry for entry in self._evidence.directory if entry.block > self.header.number]
        if late:
            raise VerificationFailed("directory", f"{late[0].name} is of a block after {self.header.number}")
        return f"{len(self._evidence.directory)} entries, none missing"

    @cached_property
    def root(self) -> bytes:
        """The root of the broker's tree of anchors, which leads to the head that the contract keeps.

        Raises:
            VerificationFailed: check `log-head`.
        """
        log = self._log
        leaves = {0: log.opening.hash(), **{item.leaf.seq - 1: item.leaf.hash() for item in log.anchors}}
        try:
            root = multiproof_root(leaves, log.seq, log.path)
        except VerificationFailed as error:
            raise VerificationFailed("log-head", error.detail) from error
        if head_digest(log.seq, root) != self.words.log_head:
            raise VerificationFailed("log-head", f"the log of {log.seq} leaves is not the one that the contract keeps")
        return root

    @property
    def leaves(self) -> Sequence[AnchorLeaf]:
        """The anchors that are shown, which the chain made; none where there is no log.

        Raises:
            VerificationFailed: check `log-head`.
        """
        if self._evidence.log is None:
            return []
        return [item.leaf for item in self._log.anchors] if self.root else []

    def log_head(self) -> str:
        """Check the anchors of the bundle, and that the last one is the broker's last."""
        last, root = self._log.last, self.root
        self.require_former()
        told = f"anchor {last.seq} of block {last.block} is the broker's last at block {self.header.number}"
        return f"{told}, under the root {root.hex()[:16]}"

    @cached_property
    def keys(self) -> Mapping[bytes, MemberKeySet]:
        """The key sets of the broker that the anchors' leaves name, by their digest.

        Raises:
            VerificationFailed: check `member-keys`; one is missing, or of no leaf.
        """
        found = {keys.digest(): keys for keys in self._evidence.keys}
        named = {leaf.keys_digest for leaf in self.leaves}
        if found.keys() != named or len(found) != len(self._evidence.keys):
            raise VerificationFailed("member-keys", "the key sets are not those that the anchors name, each once")
        return found

    @cached_property
    def members(self) -> Mapping[str, MemberItem]:
        """The active members that the bundle shows, by DID.

        Raises:
            VerificationFailed: check `member-keys`.
        """
        shown = {item.member: item for item in self._evidence.members}
        if len(shown) != len(self._evidence.members):
            raise VerificationFailed("member-keys", "a member stands twice")
        for item in self._evidence.members:
            chain_id, address = shapes.did_parts(item.member)
            if chain_id != self._evidence.chain_id:
                raise VerificationFailed("member-keys", f"{item.member} is of another chain")
            leaf = member_leaf(address, item.role, item.keys.digest())
            check_active(self.words.active_root, item.number, leaf, item.path)
        return shown

    def member_keys(self) -> str:
        """Check the broker's key sets, and that the members shown are active ones."""
        return f"{len(self.keys)} key sets of the broker, {len(self.members)} active members"

    @cached_property
    def checkpoint(self) -> AnchorCheckpoint:
        """The broker's checkpoint of its last anchor.

        Raises:
            VerificationFailed: check `checkpoint-signature`.
        """
        evidence, last = self._evidence, self._log.last
        try:
            stated = open_anchor_checkpoint(
                evidence.checkpoint, evidence.broker, self.keys[last.keys_digest].checkpoint
            )
        except InvalidInput as error:
            raise VerificationFailed("checkpoint-signature", str(error)) from error
        expected = (last.seq, self.root, last.map_root, last.size_after)
        if (stated.seq, stated.root, stated.map_root, stated.size) != expected:
            raise VerificationFailed("checkpoint-signature", f"the checkpoint is not that of anchor {last.seq}")
        return stated

    @cached_property
    def witnesses(self) -> tuple[Cosigned, ...]:
        """The members, other than the broker, that vouch for the growth of its map up to the last anchor.

        Raises:
            VerificationFailed: check `checkpoint-signature`; a cosignature of a member that is shown is bad.
        """
        broker = self._evidence.broker
        known = {witness_name(did): item.keys.checkpoint for did, item in self.members.items() if did != broker}
        own = self.keys[self._log.last.keys_digest].checkpoint
        try:
            return tuple(cosigned_by(self._evidence.checkpoint, known, own))
        except VerificationFailed as error:
            raise VerificationFailed("checkpoint-signature", error.detail) from error

    def checkpoint_signature(self) -> str:
        """Check the checkpoint and its cosignatures."""
        wrong = len(self.checkpoint.wrong)
        named = f", {wrong} anchors named wrong" if wrong else ""
        return f"signed by the broker{named}, and by {len(self.witnesses)} other members"

    def client_keys(self) -> str:
        """Check that the client's changes are all there are."""
        if self._evidence.client is None:
            return "the subject is no person"
        check_did_history(self._evidence.did, self.words.did_head)
        return f"{len(self._evidence.did)} changes up to block {self.header.number}, none missing"

    def require_no_log(self) -> None:
        """Check that the contracts keep nothing of the broker's log.

        Raises:
            VerificationFailed: check `log-head`.
        """
        if self.words.log_head != _NOTHING:
            raise VerificationFailed("log-head", "no leaf of the broker's log is shown, and the contract keeps one")

    @property
    def _log(self) -> LogItem:
        if self._evidence.log is None:
            raise VerificationFailed("log-head", "no leaf of the broker's log is shown")
        return self._evidence.log

    def require_former(self) -> None:
        """Check that the log continues what was there: a log that begins anew would hide one of version 1."""
        opening = self._log.opening
        before = [
            entry for entry in self._evidence.directory if entry.name == VERSION_1 and entry.block <= opening.block
        ]
        expected = before[-1].target if before else NO_CONTRACT
        if opening.former != expected:
            raise VerificationFailed(
                "log-head", f"the log continues {opening.former}, and the Directory named {expected} before it"
            )

    def _contracts(self, name: str) -> list[DirectoryEntry]:
        return contracts_named(self._evidence.directory, name)

    def _account(self, proof: StateProof, entry: DirectoryEntry) -> Account:
        account = proof.account(entry.target)
        if account is None or account.code_hash != entry.code_hash:
            raise VerificationFailed("state-proof", f"{entry.target} does not hold the code of {entry.name}")
        return account

    def _log_head(self, proof: StateProof) -> bytes:
        """Return the broker's head where it stands: a new contract takes a log over at the first anchor in it."""
        address = shapes.did_parts(self._evidence.broker)[1]
        contracts = self._contracts(LOG)
        words = [proof.word(self._account(proof, entry), LOG_HEAD.slot(address)) for entry in contracts]
        held = [at for at, word in enumerate(words) if word != _NOTHING]
        if not held:
            return _NOTHING
        log = self._evidence.log
        if log is not None and len(held) > 1 and log.opening.block >= contracts[held[1]].block:
            raise VerificationFailed(
                "state-proof", f"{contracts[held[1]].target} began a log anew that was there before"
            )
        return words[held[-1]]

    def _did_head(self, proof: StateProof) -> bytes:
        """Return the client's head where it stands: a new registry takes a DID over at the first change in it."""
        if self._evidence.client is None:
            return _NOTHING
        slot = DID_HEAD.slot(shapes.did_parts(self._evidence.client)[1])
        words = [proof.word(self._account(proof, entry), slot) for entry in self._contracts(DIDS)]
        return next((word for word in reversed(words) if word != _NOTHING), _NOTHING)
