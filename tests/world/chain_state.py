"""What the contracts of a fake chain keep after its events, and the proofs that `eth_getProof` would give of it."""

from __future__ import annotations

from eth_hash.auto import keccak

from evidence.chain.engines import HEADER_RULES
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf, head_digest
from evidence.version2.state.active_members import ActiveMembers, member_leaf
from evidence.version2.state.did_changes import DidChange, did_head
from evidence.version2.state.directory import DirectoryEntry, directory_head
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.state.slots import ACTIVE_COUNT, ACTIVE_ROOT, DID_HEAD, DIRECTORY_HEAD, LOG_HEAD, word
from node_adapter.ports import TakenState
from scripts.vectors.synthetic_state import SyntheticAccount, SyntheticState
from tests.world.chain import CONTRACTS

DID_CHANGES = ("DIDOwnerChanged", "DIDDelegateChanged", "DIDAttributeChanged")


def code_of(address):
    """The hash of a contract's code."""
    return keccak(b"code at " + address.encode())


class ContractState:
    """Heads of Directory, members, DIDs and logs; `take` adds the events of a block (contract, name, arguments)."""

    def __init__(self):
        self.directory, self.members, self.dids, self.logs = [], {}, {}, {}

    def take(self, number, time, events):
        for contract, name, args in events:
            told = getattr(self, f"_{contract}", None)
            if told is not None:
                told(number, time, name, args)

    def accounts(self):
        """The contracts with their storage, by address."""
        found = {address: SyntheticAccount(code_hash=code_of(address)) for address in CONTRACTS.values()}

        def keep(contract, slot, value):
            found[CONTRACTS[contract]].storage[slot] = value

        keep("Directory", DIRECTORY_HEAD.slot(), directory_head(self.directory))
        active = {
            number: member_leaf(address, role, keys.digest())
            for address, (number, role, keys, is_active) in self.members.items()
            if is_active
        }
        keep("MemberRegistry", ACTIVE_ROOT.slot(), ActiveMembers(active).root)
        keep("MemberRegistry", ACTIVE_COUNT.slot(), word(len(active)))
        for address, changes in self.dids.items():
            keep("DidRegistry", DID_HEAD.slot(address), did_head(changes))
        for address, peaks in self.logs.items():
            keep("EvidenceLog", LOG_HEAD.slot(address), head_digest(peaks.size, peaks.root()))
        return found

    def _Directory(self, number, time, _name, args):
        name = _bytes(args["name"]).rstrip(b"\0").decode()
        self.directory.append(DirectoryEntry(name, args["target"], code_of(args["target"]), number, time))

    def _MemberRegistry(self, _number, _time, name, args):
        if name not in ("MemberAdmitted", "MemberKeysChanged", "MemberSuspended"):
            return
        address = args["member"].lower()
        place, role, keys, active = self.members.get(address, (len(self.members), 0, None, False))
        if name == "MemberSuspended":
            active = False
        else:
            keys = MemberKeySet(
                args["algorithm"],
                *(_bytes(args[key]) for key in ("signing", "checkpoint", "agreement")),
                args["compliance"].lower(),
            )
        if name == "MemberAdmitted":
            role, active = args["role"], True
        self.members[address] = place, role, keys, active

    def _DidRegistry(self, number, time, name, args):
        if name not in DID_CHANGES:
            return
        values = {
            "owner": ("owner", str),
            "delegateType": ("delegate_type", _bytes),
            "delegate": ("delegate", str),
            "name": ("name", _bytes),
            "value": ("value", _bytes),
            "validTo": ("valid_to", int),
        }
        shown = {ours: read(args[theirs]) for theirs, (ours, read) in values.items() if theirs in args}
        self.dids.setdefault(args["identity"].lower(), []).append(DidChange(name, number, time, shown))

    def _EvidenceLog(self, number, time, name, args):
        if name == "LogOpened":
            leaf = OpeningLeaf(
                args["former"].lower(),
                args["formerSeq"],
                _bytes(args["formerRoot"]),
                args["formerSize"],
                _bytes(args["formerMapRoot"]),
                number,
                args["time"],
            )
        else:
            leaf = AnchorLeaf(
                args["seq"],
                _bytes(args["batchRoot"]),
                args["sizeBefore"],
                args["sizeAfter"],
                _bytes(args["mapRoot"]),
                number,
                args["time"],
                _bytes(args["keysDigest"]),
                args["keyVersion"],
            )
        assert args["time"] == time, "a contract tells the time of its block"
        address = args["member"].lower()
        self.logs[address], _ = self.logs.get(address, Peaks()).append(leaf.hash())


class StateOfBlock:
    """The state after one block: its root goes into the header, whose proofs `prove` gives."""

    def __init__(self, accounts):
        self._state = SyntheticState(accounts)
        self.root = self._state.root

    def prove(self, data, wanted):
        header = HEADER_RULES["ethereum/1"].parse(data, "header")
        return TakenState("ethereum/1", header, data, tuple(self._state.prove(wanted)))


def _bytes(text):
    return bytes.fromhex(text.removeprefix("0x"))
