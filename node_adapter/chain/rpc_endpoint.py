"""Where the chain's JSON-RPC is: a URL with its secrets, or the path of a socket; and what may be said of it.

    https://user:password@chain.example:8545/path?key=...     HTTP with TLS; credentials, path and query are secrets
    http://127.0.0.1:8545                                     HTTP
    /run/chain/node.ipc                                       a Unix socket

Nothing here is loaded by more than a reader of settings needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from primitives.errors import InvalidInput
from primitives.urls import THIS_MACHINE

FIELD = "chain.rpc_url"
PEM_FILES = ("ca_file", "client_certificate", "client_key")  # the settings that name them, in the section `chain`


@dataclass(frozen=True)
class RpcEndpoint:
    """The chain's node, and what proves it and us to each other.

    Attributes:
        url: an http or https URL, or the absolute path of a Unix socket. May hold secrets: never shown.
        ca_file: PEM of the authorities that may have signed its certificate; None means those of the environment
            (REQUESTS_CA_BUNDLE, SSL_CERT_FILE), else the ones that are shipped with the library.
        client_certificate: PEM of our own certificate, with its key if `client_key` is None.
        client_key: PEM of its key.
    """

    url: str = field(repr=False)
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            InvalidInput: `url`, it is none of the three forms; `file`, a certificate is not there.
        """
        check_rpc_url(self.url)
        for name in PEM_FILES:
            file: Path | None = getattr(self, name)
            if file is not None and not file.is_file():
                raise InvalidInput(f"chain.{name}", "file", f"{file} is not a file")
        if self.client_key is not None and self.client_certificate is None:
            raise InvalidInput("chain.client_certificate", "required", "a client's key needs its certificate")

    @property
    def is_socket(self) -> bool:
        """Whether it is a Unix socket."""
        return self.url.startswith("/")

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where no proxy of the environment is meant for it."""
        return self.is_socket or urlsplit(self.url).hostname in THIS_MACHINE

    @property
    def shown(self) -> str:
        """What a message may say of it: scheme, host and port, or the path of the socket."""
        return shown_url(self.url)


def check_rpc_url(url: str, field_name: str = FIELD) -> str:
    """Return a URL or a socket's path as it is.

    Raises:
        InvalidInput: it is neither; the message does not hold it.
    """
    if url.startswith("/"):
        return url
    parts = _split(url)
    if parts is None or any(character.isspace() for character in url) or parts.fragment:
        raise InvalidInput(
            field_name, "url", "must be an http or https URL with a host, or the absolute path of a socket"
        )
    return url


def shown_url(url: str) -> str:
    """Return a URL without its credentials, path and query: any of them may hold a secret."""
    if url.startswith("/"):
        return url
    parts = _split(url)
    return "a URL that cannot be read" if parts is None else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def has_secrets(url: str) -> bool:
    """Say whether a URL carries credentials or a query."""
    parts = _split(url)
    return parts is not None and bool("@" in parts.netloc or parts.query)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:  # a port that is no number, a broken IPv6 address
        pass
    return None
