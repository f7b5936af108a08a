"""The JSON-LD contexts that our credentials may use. None is ever fetched.

`eddsa-jcs-2022` signs JSON, not RDF, so a context's content changes nothing in what is signed; but its names say what
the terms mean, and an unknown one could give ours another meaning. Hence a closed list, at issue and at verify.
Each context of ours is known by its URL and pinned by its digest; a node serves it to anybody. What is published never
changes: a credential type with other terms brings a context of its own, a file or a dictionary of its module.
Credentials from before had an inline object in its place, which other libraries refuse; they still verify.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from primitives.errors import InvalidInput, VerificationFailed

CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
_EARLIER = {"@vocab": "urn:bonafides:vocabulary:1#"}


@dataclass(frozen=True)
class Context:
    """A JSON-LD context of ours.

    Attributes:
        url: what a credential calls it.
        name: the last part of the path at which a node serves it.
        sha256: digest of its bytes, hex.
        source: returns the bytes.
    """

    url: str
    name: str
    sha256: str
    source: Callable[[], bytes] = field(repr=False)

    @property
    def path(self) -> str:
        """Where a node serves it to anybody."""
        return f"/v1/contexts/{self.name}"

    def content(self) -> bytes:
        """Return the bytes that stand behind the URL.

        Raises:
            VerificationFailed: check `context-digest`, they were changed.
        """
        return _checked(self)


@cache
def _checked(context: Context) -> bytes:
    data = context.source()
    if hashlib.sha256(data).hexdigest() != context.sha256:
        raise VerificationFailed("context-digest", f"{context.name} is not what {context.url} names")
    return data


CREDENTIALS_V1 = Context(
    "urn:bonafides:context:credentials:1",
    "credentials-v1",
    "a2e102c3cc2d1771d3ae19eafefebe3f44c04126cd46e85503a60c8f6e5b4b96",
    (resources.files("did.credentials") / "credentials-v1.jsonld").read_bytes,
)
"""The context of this product's first credential types."""


def credential_contexts(context: Context = CREDENTIALS_V1) -> list[str]:
    """Return the `@context` of a credential of ours."""
    return [CREDENTIALS_V2, context.url]


def check_contexts(contexts: object, known: Container[str]) -> None:
    """Refuse a `@context` that is not on the closed list.

    Raises:
        InvalidInput: not a list that starts with credentials/v2, or it holds something else than our vocabulary.
    """
    if not isinstance(contexts, list) or not contexts or contexts[0] != CREDENTIALS_V2:
        raise InvalidInput("@context", "first-context", f"must be a list that starts with {CREDENTIALS_V2}")
    for index, context in enumerate(contexts[1:], start=1):
        if context != _EARLIER and not (isinstance(context, str) and context in known):
            raise InvalidInput(f"@context[{index}]", "known-context", "is not a context that this product knows")
