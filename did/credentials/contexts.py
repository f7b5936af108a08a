"""The JSON-LD contexts that our credentials may use. None is ever fetched.

`eddsa-jcs-2022` signs JSON, not RDF, so a context's content changes nothing in what is signed; but its names say what
the terms mean, and an unknown one could give ours another meaning. Hence a closed list, at issue and at verify.
Our own terms stand in a file of this package, known by its URL and pinned by its digest; a node serves it to anybody.
Credentials from before had an inline object in its place, which other libraries refuse; they still verify.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from primitives.errors import InvalidInput, VerificationFailed

CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
BONAFIDES_V1 = "urn:bonafides:context:credentials:1"
BONAFIDES_V1_SHA256 = "a2e102c3cc2d1771d3ae19eafefebe3f44c04126cd46e85503a60c8f6e5b4b96"
_FILE = "credentials-v1.jsonld"
_EARLIER = {"@vocab": "urn:bonafides:vocabulary:1#"}


def credential_contexts() -> list[str]:
    """Return the `@context` of a credential of ours."""
    return [CREDENTIALS_V2, BONAFIDES_V1]


@cache
def bonafides_context() -> bytes:
    """Return the bytes of our own context, which stand behind BONAFIDES_V1.

    Raises:
        VerificationFailed: check `context-digest`, the packaged file was changed.
    """
    data = (resources.files("did.credentials") / _FILE).read_bytes()
    if hashlib.sha256(data).hexdigest() != BONAFIDES_V1_SHA256:
        raise VerificationFailed("context-digest", f"{_FILE} is not the file that {BONAFIDES_V1} names")
    return data


def check_contexts(contexts: object) -> None:
    """Refuse a `@context` that is not on the closed list.

    Raises:
        InvalidInput: not a list that starts with credentials/v2, or it holds something else than our vocabulary.
    """
    if not isinstance(contexts, list) or not contexts or contexts[0] != CREDENTIALS_V2:
        raise InvalidInput("@context", "first-context", f"must be a list that starts with {CREDENTIALS_V2}")
    for index, context in enumerate(contexts[1:], start=1):
        if context not in (BONAFIDES_V1, _EARLIER):
            raise InvalidInput(f"@context[{index}]", "known-context", "is not a context that this product knows")
