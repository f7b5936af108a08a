"""What the embedded chain is told beside transactions: to write down its state, to pause, to go on.

This speaks to a process of our own on the loopback, in anvil's own methods, so it needs neither credentials nor bounds:
a dump of the state has no upper size. Everything else about a chain goes through `node_adapter.chain.rpc`.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any

from node_adapter.chain.errors import ChainUnavailable, JsonRpcError

_ANSWER_SECONDS = 10.0
_DUMP_SECONDS = 120.0
_SETTLE_SECONDS = 0.1


class EmbeddedControl:
    """One conversation with an embedded chain. Every method raises ChainUnavailable or JsonRpcError."""

    def __init__(self, port: int) -> None:
        """Remember the loopback port; nothing is sent yet."""
        self._port = port

    def call(self, method: str, *params: Any, seconds: float = _ANSWER_SECONDS) -> Any:
        """Make one call, on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
            error = answer.get("error")
            if error is not None:
                raise JsonRpcError(method, int(error["code"]), str(error["message"]))
            return answer["result"]
        except (OSError, HTTPException, ValueError, KeyError, AttributeError, TypeError) as error:
            raise ChainUnavailable(f"port {self._port} does not answer {method}: {type(error).__name__}") from error
        finally:
            connection.close()

    def chain_id(self, seconds: float = _ANSWER_SECONDS) -> int:
        """Return the chain id that it answers with."""
        return int(self.call("eth_chainId", seconds=seconds), 16)

    def block_number(self) -> int:
        """Return the number of the newest block."""
        return int(self.call("eth_blockNumber"), 16)

    def dump(self) -> bytes:
        """Return the state as JSON. Blocks go on being made meanwhile: accounts may be ahead of blocks in it."""
        packed = str(self.call("anvil_dumpState", seconds=_DUMP_SECONDS))
        try:
            return gzip.decompress(bytes.fromhex(packed.removeprefix("0x")))
        except (ValueError, EOFError, OSError) as error:
            raise ChainUnavailable(f"port {self._port} gave no state: {error}") from error

    def pause(self) -> None:
        """Stop making blocks; return when none is being made any more."""
        self.call("evm_setAutomine", False)
        before = None
        while (block := self.block_number()) != before:
            before = block
            time.sleep(_SETTLE_SECONDS)

    def resume(self) -> None:
        """Go on making blocks, the first of what came in meanwhile."""
        self.call("evm_setAutomine", True)
        if int(self.call("txpool_status")["pending"], 16):
            self.call("evm_mine")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Make no blocks within the context."""
        try:
            self.pause()
            yield
        finally:
            self.resume()
