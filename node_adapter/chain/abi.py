"""The interfaces of our contracts: call data, outputs, events and custom errors. It speaks to no chain.

Values: addresses are lower-case 0x hex, bytes are bytes, integers are integers, structs are tuples.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_hash.auto import keccak
from eth_utils.abi import collapse_if_tuple

from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.chain.former_events import FORMER_EVENTS
from primitives.errors import InvalidInput

CONTRACTS = ("MemberRegistry", "DidRegistry", "EvidenceAnchor", "ConsentRegistry", "TaskRegistry", "Directory")
LOG_OF_ANCHORS, CONVICTIONS = "EvidenceLog", "ConvictionRegistry"
LATER = (LOG_OF_ANCHORS, CONVICTIONS)  # those that a consortium of an earlier release may not have yet
KNOWN = (*CONTRACTS, *LATER)
_SELECTOR_BYTES = 4
_ERROR_STRING = keccak(b"Error(string)")[:_SELECTOR_BYTES]
_PANIC = keccak(b"Panic(uint256)")[:_SELECTOR_BYTES]
_DYNAMIC = ("string", "bytes")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function, an event or an error."""

    name: str
    type: str
    indexed: bool


@dataclass(frozen=True)
class Signature:
    """A function, an event or an error, with the hash that names it."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    hash: bytes

    @property
    def selector(self) -> bytes:
        """The four bytes in front of call data or of a custom error."""
        return self.hash[:_SELECTOR_BYTES]

    @property
    def types(self) -> list[str]:
        """The inputs' types."""
        return [parameter.type for parameter in self.inputs]


@dataclass(frozen=True)
class DecodedEvent:
    """An event's name and values."""

    name: str
    args: dict[str, Any]


class ContractAbi:
    """One contract's artifact, as it is checked in."""

    def __init__(self, artifact: dict[str, Any]) -> None:
        """Read an artifact."""
        self.name: str = artifact["contract"]
        self.bytecode = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
        entries: list[dict[str, Any]] = artifact["abi"]
        constructor = [entry for entry in entries if entry["type"] == "constructor"]
        self.constructor = _signature({**constructor[0], "name": "constructor"}) if constructor else None
        self._functions = [_signature(entry) for entry in entries if entry["type"] == "function"]
        events = [entry for entry in entries if entry["type"] == "event"]
        self.events = {_signature(entry).hash: _signature(entry) for entry in events}
        former = [_signature(entry) for entry in FORMER_EVENTS.get(self.name, ())]
        self._readable = {event.hash: event for event in former} | self.events
        self.errors = {_signature(entry).selector: _signature(entry) for entry in entries if entry["type"] == "error"}

    def function(self, name: str, count: int) -> Signature:
        """Return the function of that name and number of arguments."""
        for function in self._functions:
            if function.name == name and len(function.inputs) == count:
                return function
        raise InvalidInput("function", "unknown", f"{self.name} has no function {name} of {count} arguments")

    def encode_call(self, function: str, arguments: Sequence[Any]) -> bytes:
        """Return call data.

        Raises:
            InvalidInput: an argument is not of its parameter's type.
        """
        signature = self.function(function, len(arguments))
        return signature.selector + _encode(f"{self.name}.{function}", signature.types, arguments)

    def encode_deploy(self, arguments: Sequence[Any]) -> bytes:
        """Return the bytecode with the constructor's arguments."""
        types = self.constructor.types if self.constructor else []
        return self.bytecode + _encode(f"{self.name}.constructor", types, arguments)

    def decode_output(self, function: str, count: int, data: bytes) -> tuple[Any, ...]:
        """Return the outputs of a call."""
        try:
            return tuple(decode(list(self.function(function, count).outputs), data))
        except (DecodingError, ValueError) as error:
            raise InvalidInput(f"{self.name}.{function}", "abi", f"the output cannot be decoded: {error}") from error

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> DecodedEvent | None:
        """Return an event of this contract or of an earlier release of it, or None for one that it does not declare."""
        event = self._readable.get(topics[0]) if topics else None
        if event is None:
            return None
        indexed = [parameter for parameter in event.inputs if parameter.indexed]
        plain = [parameter for parameter in event.inputs if not parameter.indexed]
        if len(indexed) != len(topics) - 1:
            return None
        try:
            values = decode([parameter.type for parameter in plain], data)
            topic_values = [_topic_value(*pair) for pair in zip(indexed, topics[1:], strict=True)]
        except (DecodingError, ValueError):
            return None
        by_name = {parameter.name: value for parameter, value in zip(plain, values, strict=True)}
        by_name |= {parameter.name: value for parameter, value in zip(indexed, topic_values, strict=True)}
        return DecodedEvent(event.name, {parameter.name: by_name[parameter.name] for parameter in event.inputs})


@cache
def contract_abi(name: str) -> ContractAbi:
    """Return a contract's interface and bytecode from the packaged artifact."""
    if name not in KNOWN:
        raise InvalidInput("contract", "unknown", f"{name!r} is none of {', '.join(KNOWN)}")
    file = resources.files("node_adapter.chain") / "artifacts" / f"{name}.json"
    return ContractAbi(json.loads(file.read_text("utf-8")))


def encode_call(contract: str, function: str, *arguments: Any) -> bytes:
    """Return the call data of a contract's function."""
    return contract_abi(contract).encode_call(function, arguments)


def member_keys(keys: MemberKeySet) -> tuple[int, bytes, bytes, bytes, str]:
    """Return MemberRegistry's struct Keys."""
    return keys.algorithm, keys.signing, keys.checkpoint, keys.agreement, keys.compliance


def decode_revert(data: bytes) -> tuple[str, tuple[Any, ...]]:
    """Name the error of a reverted call: a custom error of ours, a reason, a panic, or `unknown`."""
    selector, body = data[:_SELECTOR_BYTES], data[_SELECTOR_BYTES:]
    try:
        if selector == _ERROR_STRING:
            return "Error", tuple(decode(["string"], body))
        if selector == _PANIC:
            return "Panic", tuple(decode(["uint256"], body))
        for name in KNOWN:
            error = contract_abi(name).errors.get(selector)
            if error is not None:
                return error.name, tuple(decode(error.types, body))
    except (DecodingError, ValueError):
        pass
    return "unknown", (data,)


def directory_name(contract: str) -> bytes:
    """Return a contract's name as the Directory keeps it: ASCII in 32 bytes."""
    return contract.encode("ascii").ljust(32, b"\0")


def naming_digest(directory: str, contract: str, target: str) -> bytes:
    """Return what the members vote on when a name of the Directory gets a contract (docs/spec/contracts.md, Votes)."""
    return keccak(encode(["address", "bytes32", "address"], [directory, directory_name(contract), target]))


def _encode(where: str, types: Sequence[str], arguments: Sequence[Any]) -> bytes:
    if len(types) != len(arguments):
        raise InvalidInput(where, "arity", f"takes {len(types)} arguments, not {len(arguments)}")
    try:
        return encode(list(types), list(arguments))
    except (EncodingError, ValueError, TypeError) as error:
        raise InvalidInput(where, "abi", f"an argument is not of its parameter's type: {error}") from error


def _signature(entry: dict[str, Any]) -> Signature:
    inputs = tuple(
        Parameter(item["name"], collapse_if_tuple(item), bool(item.get("indexed"))) for item in entry.get("inputs", [])
    )
    outputs = tuple(collapse_if_tuple(item) for item in entry.get("outputs", []))
    text = f"{entry['name']}({','.join(parameter.type for parameter in inputs)})"
    return Signature(entry["name"], inputs, outputs, keccak(text.encode("ascii")))


def _topic_value(parameter: Parameter, topic: bytes) -> Any:
    if parameter.type in _DYNAMIC or parameter.type.endswith("]") or parameter.type.startswith("("):
        return topic  # an indexed value of dynamic type is its hash
    return decode([parameter.type], topic)[0]
