"""web3's providers, made fit for a node that does not trust the other end: answers are bounded before they are parsed.

Neither logs what it sends or where (the libraries' own debug lines hold the whole URL), and no error of theirs leaves
this module: it would carry the URL, too.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import requests

from node_adapter.chain.errors import ChainUnavailable
from node_adapter.chain.libraries import HTTPProvider, IPCProvider, JSONBaseProvider
from node_adapter.chain.rpc_endpoint import RpcEndpoint
from primitives.canonical import parse_json
from primitives.errors import InvalidInput

MAX_ANSWER_BYTES = 64 * 1024 * 1024
_WHOLE_ANSWER_SECONDS = 60.0  # of one answer, however steadily it drips
_CHUNK_BYTES = 64 * 1024
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_OK, _MULTIPLE_CHOICES, _BAD_REQUEST = 200, 300, 400
_COME_AGAIN = frozenset({429, 502, 503, 504})

logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # below that it says path and query


class Transport(JSONBaseProvider, ABC):
    """What both kinds do: one request, one answer, parsed within bounds. Every method raises ChainUnavailable."""

    _shown: str

    def exchange(self, method: str, params: Sequence[Any]) -> Any:
        """Make one call; return the answer as it came."""
        return parse_answer(self._send(json.dumps(self._request(method, params)).encode()), self._shown)

    def exchange_batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> tuple[Any, range]:
        """Make several calls in one request; return the answer, and the ids in the order of the calls."""
        written = [self._request(method, params) for method, params in calls]
        data = json.dumps(written).encode()
        return parse_answer(self._send(data), self._shown), range(written[0]["id"], written[-1]["id"] + 1)

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        """Return a call as it is written. web3's own way of writing it takes longer than all the rest of an answer."""
        return {"jsonrpc": "2.0", "method": method, "params": list(params), "id": next(self.request_counter)}

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def _send(self, data: bytes) -> bytes: ...


class HttpTransport(Transport, HTTPProvider):
    """JSON-RPC over HTTP or HTTPS, on one connection that is kept."""

    def __init__(self, endpoint: RpcEndpoint, timeout_seconds: float) -> None:
        """Send nothing yet."""
        self._http = requests.Session()
        self._http.trust_env = not endpoint.is_local  # a proxy of the environment
        super().__init__(endpoint.url, session=self._http, exception_retry_configuration=None)
        self._shown = endpoint.shown
        # A request is prepared once, and goes to the adapter as it is: a session does as much again around each one.
        asked = requests.Request("POST", endpoint.url, headers={"Content-Type": "application/json"})
        self._prepared = self._http.prepare_request(asked)
        self._adapter = self._http.get_adapter(endpoint.url)
        verify, cert = _authorities(endpoint), _own_certificate(endpoint)
        self._options: dict[str, Any] = {
            "timeout": timeout_seconds,
            **self._http.merge_environment_settings(endpoint.url, {}, True, verify, cert),
        }
        self._is_kept = False

    def __repr__(self) -> str:
        return f"HttpTransport({self._shown})"

    __str__ = __repr__

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, data: bytes) -> bytes:
        try:
            if self._is_kept:
                self._is_kept = False
                try:
                    return self._send_once(data)
                except requests.Timeout:
                    raise
                except requests.RequestException:  # closed meanwhile: once more, on a new connection
                    self._http.close()
            return self._send_once(data)
        except requests.Timeout:
            problem = "does not answer in time"
        except requests.exceptions.SSLError:
            problem = "cannot be trusted: its certificate is not signed by an authority of chain.ca_file"
        except (requests.RequestException, OSError) as error:
            problem = f"cannot be reached: {type(error).__name__}"
        self._http.close()
        raise ChainUnavailable(f"{self._shown} {problem}")

    def _send_once(self, data: bytes) -> bytes:
        deadline = time.monotonic() + _WHOLE_ANSWER_SECONDS
        answer = bytearray()
        self._prepared.prepare_body(data, None)
        with self._adapter.send(self._prepared, **self._options) as response:
            for part in response.iter_content(_CHUNK_BYTES):
                answer += part
                if len(answer) > MAX_ANSWER_BYTES:
                    raise ChainUnavailable(f"{self._shown} answers more than {MAX_ANSWER_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise ChainUnavailable(f"{self._shown} does not end its answer")
            status = response.status_code
        self._is_kept = True
        if _OK <= status < _MULTIPLE_CHOICES or (status >= _BAD_REQUEST and _is_json_rpc(bytes(answer))):
            return bytes(answer)  # some nodes put their own status beside a JSON-RPC error
        raise ChainUnavailable(f"{self._shown} answers HTTP {status}", again=status in _COME_AGAIN)


class SocketTransport(Transport, IPCProvider):
    """JSON-RPC over a Unix socket, which is kept open."""

    def __init__(self, endpoint: RpcEndpoint, timeout_seconds: float) -> None:
        """Send nothing yet."""
        super().__init__(endpoint.url)
        self._path = endpoint.url
        self._seconds = timeout_seconds
        self._shown = endpoint.shown
        self._stream: socket.socket | None = None

    def close(self) -> None:
        """Close the socket."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _send(self, data: bytes) -> bytes:
        was_kept = self._stream is not None
        try:
            try:
                return self._send_once(data)
            except ConnectionError:
                self.close()
                if not was_kept:
                    raise
                return self._send_once(data)  # closed meanwhile: once more, on a new connection
        except TimeoutError:
            problem = "does not answer in time"
        except OSError as error:
            problem = f"cannot be reached: {error.strerror or type(error).__name__}"
        except ChainUnavailable:
            self.close()
            raise
        self.close()
        raise ChainUnavailable(f"{self._shown} {problem}")

    def _send_once(self, data: bytes) -> bytes:
        deadline = time.monotonic() + _WHOLE_ANSWER_SECONDS
        answer = bytearray()
        if self._stream is None:
            self._stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._stream.settimeout(self._seconds)
            self._stream.connect(self._path)
        self._stream.sendall(data + b"\n")
        while True:
            part = self._stream.recv(_CHUNK_BYTES)
            if not part:
                raise ConnectionResetError
            answer += part
            if len(answer) > MAX_ANSWER_BYTES:
                raise ChainUnavailable(f"{self._shown} answers more than {MAX_ANSWER_BYTES} bytes")
            if len(part) < _CHUNK_BYTES and _is_whole(bytes(answer)):
                return bytes(answer)
            if time.monotonic() > deadline:
                raise TimeoutError


def parse_answer(data: bytes, shown: str) -> Any:
    """Return an answer, parsed within bounds.

    Raises:
        ChainUnavailable: it is no JSON, nested too deeply, or names a member twice.
    """
    try:
        return parse_json(data, field="answer", max_bytes=MAX_ANSWER_BYTES)
    except InvalidInput as error:
        raise ChainUnavailable(f"{shown} does not answer JSON-RPC: {error.rule}") from None


def _authorities(endpoint: RpcEndpoint) -> str | bool:
    if endpoint.ca_file is not None:
        return str(endpoint.ca_file)
    return next((os.environ[name] for name in _CA_VARIABLES if os.environ.get(name)), True)


def _own_certificate(endpoint: RpcEndpoint) -> str | tuple[str, str] | None:
    if endpoint.client_certificate is None:
        return None
    if endpoint.client_key is None:
        return str(endpoint.client_certificate)
    return str(endpoint.client_certificate), str(endpoint.client_key)


def _is_json_rpc(data: bytes) -> bool:
    try:
        answer = parse_json(data, max_bytes=MAX_ANSWER_BYTES)
    except InvalidInput:
        return False
    return isinstance(answer, dict) and "error" in answer


def _is_whole(data: bytes) -> bool:
    """Say whether a document of a stream has ended. One that is nested too deeply counts: the reader refuses it."""
    if not data.rstrip().endswith((b"}", b"]")):
        return False
    try:
        json.loads(data)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True
