"""The JSON-LD contexts that our credentials may use. None is ever fetched.

`eddsa-jcs-2022` signs JSON, not RDF, so a context's content changes nothing in what is signed; but its names say what
the terms mean, and an unknown one could give ours another meaning. Hence a closed list, at issue and at verify.
Our own terms come from an inline `@vocab`: no file of ours has to be hosted for ever.
"""

from __future__ import annotations

from typing import Any

from primitives.errors import InvalidInput

CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
BONAFIDES_VOCABULARY = {"@vocab": "urn:bonafides:vocabulary:1#"}


def credential_contexts() -> list[Any]:
    """Return the `@context` of a credential of ours."""
    return [CREDENTIALS_V2, dict(BONAFIDES_VOCABULARY)]


def check_contexts(contexts: object) -> None:
    """Refuse a `@context` that is not on the closed list.

    Raises:
        InvalidInput: not a list that starts with credentials/v2, or it holds something else than our vocabulary.
    """
    if not isinstance(contexts, list) or not contexts or contexts[0] != CREDENTIALS_V2:
        raise InvalidInput("@context", "first-context", f"must be a list that starts with {CREDENTIALS_V2}")
    for index, context in enumerate(contexts[1:], start=1):
        if context != BONAFIDES_VOCABULARY:
            raise InvalidInput(f"@context[{index}]", "known-context", "is not a context that this product knows")
