"""URLs in errors and logs: where something is, never how to get in."""

from __future__ import annotations

from urllib.parse import urlsplit

THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
"""The hosts of a URL that leads nowhere else."""


def shown_url(url: str) -> str:
    """Return scheme, host, port and path of a URL; user, password, query and fragment may be secrets."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "a malformed URL"
    host = parts.hostname or ""
    if not parts.scheme or not host:
        return "a malformed URL"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"
