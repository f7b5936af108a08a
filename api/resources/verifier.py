"""The page of the verifier in JavaScript, and its digest, for everybody.

The broker that is judged may be the one that serves the page to a judge. So every member's node serves the same bytes,
and says what their digest is: who asks another member's node knows whether he was given another page.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import resources

from flask import Blueprint, Response

from api.bodies import json_answer

FILE = "verifier.html"
PAGE = "/v1/verifier/page.html"
_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
_CACHED = "public, max-age=3600"


@cache
def read_page() -> bytes:
    """Return the packaged file: what `make verifier` builds of the sources."""
    return (resources.files("api") / FILE).read_bytes()


def page_digest() -> str:
    """Return the SHA-256 of the page, in hex."""
    return hashlib.sha256(read_page()).hexdigest()


def verifier_blueprint() -> Blueprint:
    """Return the public routes of the page."""
    blueprint = Blueprint("verifier", __name__)

    @blueprint.get("/v1/verifier")
    def digest() -> Response:
        return _cached(json_answer({"sha256": page_digest(), "bytes": len(read_page()), "page": PAGE}))

    @blueprint.get(PAGE)
    def page() -> Response:
        answer = _cached(Response(read_page(), content_type="text/html; charset=utf-8"))
        answer.headers["Content-Security-Policy"] = f"{_policy()}; frame-ancestors 'none'"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["Cross-Origin-Opener-Policy"] = answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return answer

    return blueprint


def _policy() -> str:
    """Return the policy that the page states of itself: its one script and its one style, and no connection."""
    stated = _POLICY.search(read_page())
    if stated is None:
        raise ValueError(f"{FILE} states no content policy")
    return stated.group(1).decode("ascii")


def _cached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = _CACHED
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
