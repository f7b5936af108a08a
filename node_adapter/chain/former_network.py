"""The contracts of release 1, whose logs go on in new ones: what is read of them where a consortium is founded anew.

Their MemberRegistry, DidRegistry and Directory keep no heads of their histories, so that nothing can be proved of them
and nothing of this release succeeds them. What goes on is the log: an `EvidenceLog` names the old `EvidenceAnchor`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from did.member_log import ADMITTED, ROLES, MemberEvent, MemberHistory
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.chain.abi import LOG_OF_ANCHORS, DecodedEvent, contract_abi
from node_adapter.chain.contracts import Contracts, call_raw, code_at
from node_adapter.chain.errors import WrongChain
from node_adapter.chain.founder import Founder
from node_adapter.chain.rpc import quantity
from node_adapter.ports import ChainRpc
from primitives.errors import Refused

REGISTRY = "MemberRegistry"
ANCHORS = "EvidenceAnchor"
_KEYS = ("bytes32", "bytes32", "address")  # as release 1 held a member's: signing, agreement, compliance
_PAGE_BLOCKS = 10_000


@dataclass(frozen=True)
class FormerNetwork:
    """What a new consortium takes over: the logs of `anchors`, and the active members, who found it with their keys."""

    directory: str
    anchors: str
    members: tuple[Founder, ...]


@dataclass(frozen=True)
class FormerHead:
    """What an `EvidenceAnchor` keeps of a broker's log; zeros, and the root of nothing, where it never anchored."""

    seq: int
    root: bytes
    size: int
    map_root: bytes


def read_former_network(rpc: ChainRpc, directory: str, first_block: int) -> FormerNetwork:
    """Read what a new consortium takes over from the one of release 1 that a Directory names.

    Args:
        rpc: the chain's node.
        directory: the address of the old Directory.
        first_block: of the old contracts: members are found in the events from there on.

    Raises:
        WrongChain: there is no Directory of ours, or its `EvidenceAnchor` goes by another registry.
        Refused: `not-release-1`, the contracts are of a later release, which goes on by a vote of the members.
    """
    contracts = Contracts(rpc, directory)
    if contracts.is_named(LOG_OF_ANCHORS):
        raise Refused("not-release-1", f"the Directory {directory} names an {LOG_OF_ANCHORS}: its logs go on already")
    registry, anchors = contracts.address_of(REGISTRY), contracts.address_of(ANCHORS)
    require_registry_of(rpc, anchors, registry)
    found = {}
    for address, role, name in _admitted(rpc, registry, first_block):
        if contracts.read(REGISTRY, "isActive", address)[0]:
            found[address] = Founder(address, role, name, _keys(rpc, registry, address))
    return FormerNetwork(directory, anchors, tuple(found.values()))


def former_head(rpc: ChainRpc, anchors: str, member: str) -> FormerHead:
    """Return what an `EvidenceAnchor` keeps of a broker's log.

    Raises:
        WrongChain: there is no such contract.
    """
    abi = contract_abi(ANCHORS)
    output = call_raw(rpc, {"to": anchors, "data": "0x" + abi.encode_call("head", [member]).hex()})
    if not output:
        raise WrongChain(f"there is no {ANCHORS} at {anchors}")
    ((root, size, seq, _time, map_root),) = abi.decode_output("head", 1, output)
    return FormerHead(seq, root, size, map_root)


def require_registry_of(rpc: ChainRpc, anchors: str, registry: str) -> None:
    """Check that an `EvidenceAnchor` asks this registry who may anchor: its code holds the address, and no getter does.

    Raises:
        WrongChain: it does not.
    """
    if bytes(12) + bytes.fromhex(registry[2:]) not in code_at(rpc, anchors):
        raise WrongChain(f"the {ANCHORS} at {anchors} does not go by the {REGISTRY} {registry} of the same Directory")


def _admitted(rpc: ChainRpc, registry: str, first_block: int) -> list[tuple[str, str, str]]:
    """Return (address, role, name) of everybody who was ever admitted, the last admission of each, by first one."""
    found = {}
    for _block, event in _events(rpc, registry, first_block):
        if event.name == ADMITTED:
            address = str(event.args["member"]).lower()
            found[address] = (address, ROLES[event.args["role"]], str(event.args["name"]))
    return list(found.values())


def former_members(rpc: ChainRpc, registry: str, first_block: int) -> dict[str, MemberHistory]:
    """Return what a registry of release 1 told of each member, by address: its roles and keys, block by block."""
    found: dict[str, list[MemberEvent]] = {}
    for block, event in _events(rpc, registry, first_block):
        if "member" in event.args:
            time = int(rpc.call("eth_getBlockByNumber", quantity(block), False)["timestamp"], 16)
            given = event.args.items()
            args = {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in given}
            told = MemberEvent(block, time, event.name, args)
            found.setdefault(str(args["member"]).lower(), []).append(told)
    return {address: MemberHistory.from_events(address, events) for address, events in found.items()}


def _events(rpc: ChainRpc, registry: str, first_block: int) -> Iterator[tuple[int, DecodedEvent]]:
    """Yield the registry's events with their blocks, in chain order."""
    abi, head = contract_abi(REGISTRY), int(rpc.call("eth_blockNumber"), 16)
    for start in range(first_block, head + 1, _PAGE_BLOCKS):
        last = min(start + _PAGE_BLOCKS - 1, head)
        wanted = {"address": registry, "fromBlock": quantity(start), "toBlock": quantity(last)}
        for log in rpc.call("eth_getLogs", wanted):
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            event = abi.decode_event(topics, bytes.fromhex(log["data"][2:]))
            if event is not None:
                yield int(log["blockNumber"], 16), event


def _keys(rpc: ChainRpc, registry: str, member: str) -> MemberKeySet:
    data = contract_abi(REGISTRY).encode_call("keysOf", [member])
    output = call_raw(rpc, {"to": registry, "data": "0x" + data.hex()})
    try:
        signing, agreement, compliance = decode(list(_KEYS), output)
    except (DecodingError, ValueError) as error:
        raise WrongChain(f"the {REGISTRY} at {registry} is none of release 1") from error
    return MemberKeySet.of_one_key(signing, agreement, str(compliance).lower())
