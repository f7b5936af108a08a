"""The import names promised to others: `bonafides` (the client of a node) and `bonafides.verify` (the verifier).

`bonafides.verify` needs neither the client nor a node: whoever installs the verifier alone has no `Client` here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bonafides.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> object:
    """Load the client when it is first asked for: verifying needs none of it."""
    if name == "Client":
        from bonafides.client import Client  # noqa: PLC0415 - see above

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
