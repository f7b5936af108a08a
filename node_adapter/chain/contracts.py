"""The consortium's contracts as the chain has them now: addresses from the Directory, and calls that change nothing."""

from __future__ import annotations

from typing import Any

from node_adapter.chain.abi import KNOWN, LOG_OF_ANCHORS, contract_abi, decode_revert, directory_name
from node_adapter.chain.errors import ContractReverted, JsonRpcError, WrongChain
from node_adapter.ports import ChainRpc, MemberHead
from primitives.address import NO_ADDRESS

DIRECTORY = "Directory"
_REVERTED_CODE = 3  # JSON-RPC: execution reverted, with the revert data


class Contracts:
    """Reads the contracts that one Directory names. Addresses are kept until `forget_addresses`."""

    def __init__(self, rpc: ChainRpc, directory: str) -> None:
        """Remember the Directory; nothing is asked yet."""
        self._rpc = rpc
        self.directory = directory
        self._addresses: dict[str, str] = {}

    def is_named(self, contract: str) -> bool:
        """Say whether the Directory names a contract."""
        return contract in self._addresses or self._current(contract) != NO_ADDRESS

    def address_of(self, contract: str) -> str:
        """Return the current address of a contract.

        Raises:
            WrongChain: there is no Directory, or it does not name the contract.
        """
        if contract == DIRECTORY:
            return self.directory
        if contract not in self._addresses:
            address = self._current(contract)
            if address == NO_ADDRESS:
                raise WrongChain(f"the Directory {self.directory} names no {contract}")
            self._addresses[contract] = address
        return self._addresses[contract]

    def forget_addresses(self) -> None:
        """Ask the Directory again: it has changed."""
        self._addresses.clear()

    def known_addresses(self) -> dict[str, str]:
        """Return every address that the Directory names or has named, as address -> contract name."""
        names = {self.directory: DIRECTORY}
        for contract in KNOWN:
            if contract == DIRECTORY:
                continue
            (history,) = self._call(self.directory, DIRECTORY, "history", (directory_name(contract),))
            names.update({str(entry[0]).lower(): contract for entry in history})
        return names

    def read(self, contract: str, function: str, *arguments: Any) -> tuple[Any, ...]:
        """Call a view function at the newest block.

        Raises:
            ContractReverted: the contract refuses.
            WrongChain: there is no such contract at its address.
        """
        return self._call(self.address_of(contract), contract, function, arguments)

    def encode(self, contract: str, function: str, *arguments: Any) -> bytes:
        """Return the call data of a function, for an outbox row."""
        return contract_abi(contract).encode_call(function, arguments)

    def head(self, member: str, block: str = "latest") -> MemberHead:
        """Return what EvidenceLog keeps of a member; where the Directory names none yet, nobody has anchored in it.

        `block` is a JSON-RPC quantity; a chain's node may keep no state of an older one.
        """
        if not self.is_named(LOG_OF_ANCHORS):
            return MemberHead(bytes(32), bytes(32), 0, 0)
        (last,) = self._call(self.address_of(LOG_OF_ANCHORS), LOG_OF_ANCHORS, "logOf", (member,), block)
        return MemberHead(*last)

    def _current(self, contract: str) -> str:
        return str(self._call(self.directory, DIRECTORY, "current", (directory_name(contract),))[0]).lower()

    def _call(
        self, address: str, contract: str, function: str, arguments: tuple[Any, ...], block: str = "latest"
    ) -> tuple[Any, ...]:
        abi = contract_abi(contract)
        data = abi.encode_call(function, arguments)
        output = call_raw(self._rpc, {"to": address, "data": "0x" + data.hex()}, block)
        if not output:
            raise WrongChain(f"there is no {contract} at {address}")
        return abi.decode_output(function, len(arguments), output)


def call_raw(rpc: ChainRpc, transaction: dict[str, str], block: str = "latest") -> bytes:
    """Make an `eth_call` at the newest block, or at the one with a number (a JSON-RPC quantity).

    Raises:
        ContractReverted: the contract refuses.
    """
    try:
        output = rpc.call("eth_call", transaction, block)
    except JsonRpcError as error:
        raise reverted(error) from error
    return bytes.fromhex(str(output).removeprefix("0x"))


def code_at(rpc: ChainRpc, address: str) -> bytes:
    """Return the code of an account at the newest block; empty where there is no contract."""
    return bytes.fromhex(str(rpc.call("eth_getCode", address, "latest")).removeprefix("0x"))


def reverted(error: JsonRpcError) -> ContractReverted | JsonRpcError:
    """Return the contract's refusal that a JSON-RPC error carries, or the error itself when it is none."""
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    if isinstance(data, str) and data.startswith("0x"):
        return ContractReverted(*decode_revert(bytes.fromhex(data[2:])))
    if error.rpc_code == _REVERTED_CODE or "revert" in error.message.lower():
        return ContractReverted(error.message)
    return error
