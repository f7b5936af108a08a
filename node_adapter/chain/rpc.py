"""JSON-RPC to one node of the chain, with typed errors: the port `ChainRpc` over HTTP, HTTPS or a Unix socket.

One node per adapter: behind a balancer, two answers may come from two different heads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from node_adapter.chain.errors import ChainUnavailable, JsonRpcError
from node_adapter.chain.providers import HttpTransport, SocketTransport
from node_adapter.chain.rpc_endpoint import RpcEndpoint

DEFAULT_TIMEOUT_SECONDS = 10.0
_MAX_ERROR_CHARACTERS = 200
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)  # before a read is asked again
# What engines say of a block that they have and whose state they do not have yet, or not any more while the next one is
# being made: anvil with pruning, EthereumJS, geth behind a balancer.
_PASSING = ("blockoutofrange", "does not contain state root", "header not found")
_WRITES = ("eth_sendRawTransaction",)


class JsonRpc:
    """A JSON-RPC client. It keeps one connection open and is not shared between threads or forks."""

    def __init__(self, endpoint: RpcEndpoint, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Remember where the chain's node is; nothing is sent yet."""
        self.shown = endpoint.shown
        kind = SocketTransport if endpoint.is_socket else HttpTransport
        self._transport = kind(endpoint, timeout_seconds)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown})"

    def call(self, method: str, *params: Any) -> Any:
        """Make one call; a read is asked again when the answer is one that passes.

        Raises:
            ChainUnavailable: no answer.
            JsonRpcError: the node refuses.
        """
        return self._ask([method], lambda: self._result(self._transport.exchange(method, params), method))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Make several calls in one request; the first error of any of them is raised.

        Raises:
            ChainUnavailable: no answer, or answers are missing.
            JsonRpcError: the node refuses one of the calls.
        """
        if not calls:
            return []
        results: list[Any] = self._ask([method for method, _params in calls], lambda: self._batch_once(calls))
        return results

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _batch_once(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        answers, ids = self._transport.exchange_batch(calls)
        if not isinstance(answers, list):
            self._result(answers, "batch")  # a node that takes no batches says so once
            raise self._no_json_rpc()
        by_id = {answer["id"]: answer for answer in answers if isinstance(answer, dict) and _is_id(answer.get("id"))}
        if len(by_id) != len(calls):
            raise ChainUnavailable(f"{self.shown} answered {len(by_id)} of {len(calls)} calls")
        try:
            return [self._result(by_id[number], method) for number, (method, _params) in zip(ids, calls, strict=True)]
        except KeyError:
            raise ChainUnavailable(f"{self.shown} answered another call than was made") from None

    def _ask(self, methods: Sequence[str], ask: Callable[[], Any]) -> Any:
        if not any(method in _WRITES for method in methods):
            for pause in _PAUSES:
                try:
                    return ask()
                except (ChainUnavailable, JsonRpcError) as error:
                    if not _passes(error):
                        raise
                time.sleep(pause)
        return ask()

    def _result(self, answer: object, method: str) -> Any:
        error = answer.get("error") if isinstance(answer, dict) else None
        if error is not None:
            raise _refusal(error, method)
        if not isinstance(answer, dict) or "result" not in answer:
            raise self._no_json_rpc()
        return answer["result"]

    def _no_json_rpc(self) -> ChainUnavailable:
        return ChainUnavailable(f"{self.shown} does not answer JSON-RPC")


class HttpRpc(JsonRpc):
    """The client of a URL that needs no certificate of its own."""

    def __init__(self, url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Remember the URL.

        Raises:
            InvalidInput: it is no URL of http or https, nor the path of a socket.
        """
        super().__init__(RpcEndpoint(url), timeout_seconds=timeout_seconds)


def _passes(error: ChainUnavailable | JsonRpcError) -> bool:
    if isinstance(error, ChainUnavailable):
        return error.again
    return any(words in error.message.lower() for words in _PASSING)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refusal(error: object, method: str) -> JsonRpcError:
    if not isinstance(error, dict):
        return JsonRpcError(method, 0, str(error)[:_MAX_ERROR_CHARACTERS])
    code = error.get("code")
    message = str(error.get("message", ""))[:_MAX_ERROR_CHARACTERS]
    return JsonRpcError(method, code if isinstance(code, int) else 0, message, error.get("data"))


def quantity(number: int) -> str:
    """Return a JSON-RPC quantity."""
    return hex(number)
