"""JSON-RPC over HTTP to one node of the chain, with typed errors.

One node per adapter: behind a balancer, two answers may come from two different heads.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from node_adapter.chain.errors import ChainUnavailable, JsonRpcError
from primitives.errors import InvalidInput

DEFAULT_TIMEOUT_SECONDS = 10.0
_MAX_ERROR_CHARACTERS = 200


class HttpRpc:
    """A JSON-RPC client. It keeps one connection open and is not shared between threads or forks."""

    def __init__(self, url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Remember the URL; nothing is sent yet.

        Raises:
            InvalidInput: it is no URL of http or https.
        """
        self.url = url
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidInput("rpc_url", "url", f"{url} is no URL: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput("rpc_url", "url", f"{url} is no URL of http or https")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._path = parts.path or "/"
        self._connection = kind(parts.hostname, port, timeout=timeout_seconds)
        self._ids = itertools.count(1)

    def call(self, method: str, *params: Any) -> Any:
        """Make one call.

        Raises:
            ChainUnavailable: no answer.
            JsonRpcError: the node refuses.
        """
        return self._result(self._post(self._request(method, params)), method)

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Make several calls in one request; the first error of any of them is raised.

        Raises:
            ChainUnavailable: no answer, or answers are missing.
            JsonRpcError: the node refuses one of the calls.
        """
        if not calls:
            return []
        requests = [self._request(method, params) for method, params in calls]
        answers = self._post(requests)
        if not isinstance(answers, list):
            self._result(answers, "batch")  # a node that takes no batches says so once
            raise self._no_json_rpc()
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        if len(by_id) != len(requests):
            raise ChainUnavailable(f"{self.url} answered {len(by_id)} of {len(requests)} calls")
        try:
            return [
                self._result(by_id[request["id"]], method)
                for request, (method, _params) in zip(requests, calls, strict=True)
            ]
        except KeyError as error:
            raise ChainUnavailable(f"{self.url} answered another call than was made") from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    def _post(self, body: Any) -> Any:
        data = json.dumps(body).encode("ascii")
        try:
            return json.loads(self._exchange(data))
        except TimeoutError as error:  # an OSError, but not one that a new connection mends
            self._connection.close()
            raise ChainUnavailable(f"{self.url} does not answer in time") from error
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise ChainUnavailable(f"{self.url} cannot be reached: {type(error).__name__}") from error
        except ValueError as error:
            raise self._no_json_rpc() from error

    def _result(self, answer: Any, method: str) -> Any:
        error = answer.get("error") if isinstance(answer, dict) else None
        if error is not None:
            raise _refusal(error, method)
        if not isinstance(answer, dict) or "result" not in answer:
            raise self._no_json_rpc()
        return answer["result"]

    def _no_json_rpc(self) -> ChainUnavailable:
        return ChainUnavailable(f"{self.url} does not answer JSON-RPC")

    def _exchange(self, data: bytes) -> bytes:
        if self._connection.sock is not None:
            try:
                return self._request_once(data)
            except TimeoutError:
                raise
            except (OSError, HTTPException):  # the kept connection was closed meanwhile: once more, on a new one
                self._connection.close()
        return self._request_once(data)

    def _request_once(self, data: bytes) -> bytes:
        self._connection.request("POST", self._path, data, {"Content-Type": "application/json"})
        return self._connection.getresponse().read()


def _refusal(error: Any, method: str) -> JsonRpcError:
    if not isinstance(error, dict):
        return JsonRpcError(method, 0, str(error)[:_MAX_ERROR_CHARACTERS])
    code = error.get("code")
    message = str(error.get("message", ""))[:_MAX_ERROR_CHARACTERS]
    return JsonRpcError(method, code if isinstance(code, int) else 0, message, error.get("data"))


def quantity(number: int) -> str:
    """Return a JSON-RPC quantity."""
    return hex(number)
