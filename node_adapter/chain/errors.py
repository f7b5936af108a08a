"""What can go wrong with a chain.

CouldNotCheck
├── ChainUnavailable   nobody answers, or not in time            chain-unreachable
└── JsonRpcError       the node answers with an error            json-rpc-error
Refused
├── WrongChain         another chain id, genesis or contract     wrong-chain
├── HistoryMismatch    the chain's history is not the one known  chain-history
└── ContractReverted   a contract says no, and why               contract-reverted
"""

from __future__ import annotations

from typing import Any

from primitives.errors import CouldNotCheck, Refused


class ChainUnavailable(CouldNotCheck):
    """The chain's node cannot be reached, or does not answer in time: nothing is known.

    `again` is True where the other end asks to be asked again.
    """

    def __init__(self, detail: str, *, again: bool = False) -> None:
        """Say what was tried."""
        super().__init__("chain-unreachable", detail)
        self.again = again


class JsonRpcError(CouldNotCheck):
    """The chain's node answers with a JSON-RPC error. `rpc_code`, `message` and `data` are the node's own."""

    def __init__(self, method: str, rpc_code: int, message: str, data: object = None) -> None:
        """Keep what the node said."""
        super().__init__("json-rpc-error", f"{method}: {message} ({rpc_code})")
        self.method = method
        self.rpc_code = rpc_code
        self.message = message
        self.data = data


class WrongChain(Refused):
    """The node speaks for another chain than this database belongs to."""

    def __init__(self, detail: str) -> None:
        """Say what differs."""
        super().__init__("wrong-chain", detail)


class HistoryMismatch(Refused):
    """The chain holds another history than the one that was final before."""

    def __init__(self, detail: str) -> None:
        """Say at which block, and what differs."""
        super().__init__("chain-history", detail)


class ContractReverted(Refused):
    """A contract refused a call. `error` is the custom error's name or the reason, `arguments` its values."""

    def __init__(self, error: str, arguments: tuple[Any, ...] = ()) -> None:
        """Keep the decoded error."""
        values = ", ".join("0x" + value.hex() if isinstance(value, bytes) else str(value) for value in arguments)
        super().__init__("contract-reverted", f"{error}({values})")
        self.error = error
        self.arguments = arguments
