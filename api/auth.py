"""Who may call what. A blueprint names its roles; what is in no guarded blueprint stands in `PUBLIC_ROUTES`.

A token gives one role and names who holds it. A client's token comes from a nonce that the client's DID key signed; a
member's message carries its own signature. An endpoint with no guard that is not in the list is refused: the default
is closed.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask, request

from api.context import Caller, current_node, set_caller
from api.idempotency import take_key
from api.limits import limit_client, limit_stranger
from did.credentials.registry import CONTEXTS
from node_adapter.node import Node
from node_adapter.store import tokens
from node_adapter.store.tokens import TokenRow
from node_adapter.workflows.identity.client_sessions import require_open
from primitives.errors import Refused

# The one list of what anybody on the members' network may read or start without a token.
PUBLIC_ROUTES = (
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/v1/log/checkpoint"),
    ("GET", "/v1/log/tile/<path:place>"),
    ("GET", "/v1/verifier"),
    ("GET", "/v1/verifier/page.html"),
    ("GET", "/v1/log/timestamps"),
    ("GET", "/v1/status-lists/<list_id>"),
    ("GET", "/v1/members/<did>"),
    *(("GET", context.path) for context in CONTEXTS.values()),
    ("GET", "/v1/credentials/witnesses/<digest>"),  # asked for by the digest of a credential: its holder knows it
    ("POST", "/v1/client/sessions/challenge"),  # gives a nonce to sign; it tells nothing
    ("GET", "/v1/convictions/<digest>"),  # how far a document is; what it says is for members
    ("POST", "/v1/convictions"),  # what is kept, a member signed against itself
    ("POST", "/v1/witness/add-checkpoint"),  # what is answered bears on a note that a broker signed, and on that alone
)

Guard = Callable[[], None]
_GUARD_ATTRIBUTE = "bonafides_guard"
_SCHEME = "Bearer "


def guarded(name: str, *roles: str) -> Blueprint:
    """Return a blueprint that only tokens of these roles may call."""
    return guarded_by(name, role_guard(*roles), *roles)


def guarded_by(name: str, guard: Guard, *roles: str) -> Blueprint:
    """Return a blueprint whose every request passes `guard` first.

    Args:
        name: the blueprint's.
        guard: raises when the caller may not go on.
        roles: whom it lets in, in the description's words.
    """
    blueprint = Blueprint(name, f"api.{name}")
    blueprint.before_request(guard)
    blueprint.before_request(take_key)
    setattr(blueprint, _GUARD_ATTRIBUTE, roles)
    return blueprint


def role_guard(*roles: str) -> Guard:
    """Return a guard that lets in the bearer of a token of one of these roles."""

    def guard() -> None:
        caller = _bearer()
        if caller.role not in roles:
            raise Refused("wrong-role", f"this needs the role {' or '.join(roles)}, the token has {caller.role}")
        set_caller(caller)

    return guard


def close_by_default(app: Flask) -> None:
    """Refuse every request whose endpoint has no guard and is not public."""

    @app.before_request
    def _closed() -> None:
        rule = request.url_rule
        if rule is None or request.method == "OPTIONS":
            return  # no such route: Flask answers 404 or 405
        blueprint = app.blueprints.get(request.blueprint or "")
        method = "GET" if request.method == "HEAD" else request.method
        if has_guard(blueprint):
            return
        if (method, rule.rule) in PUBLIC_ROUTES:
            if method == "POST":
                limit_stranger(request.remote_addr)
            return
        raise Refused("wrong-role", "this route has no guard and is not public")


def has_guard(blueprint: object) -> bool:
    """Say whether a blueprint was made by `guarded` or `guarded_by`."""
    return hasattr(blueprint, _GUARD_ATTRIBUTE)


def roles_of(blueprint: object) -> tuple[str, ...]:
    """Return whom the guard of a blueprint lets in."""
    roles: tuple[str, ...] = getattr(blueprint, _GUARD_ATTRIBUTE)
    return roles


def is_known_token(node: Node, header: str) -> bool:
    """Say whether a header Authorization bears a token that is valid now, whatever it allows."""
    if not header.startswith(_SCHEME):
        return False
    row = _token(node, header[len(_SCHEME) :].strip())
    return row is not None and row.ended(node.clock.now_ms()) is None


def _token(node: Node, text: str) -> TokenRow | None:
    with node.store.read() as connection:
        return tokens.find_token(connection, text)


def _bearer() -> Caller:
    header = request.headers.get("Authorization", "")
    if not header.startswith(_SCHEME):
        raise Refused("unauthenticated", "the header Authorization: Bearer <token> is missing")
    node = current_node()
    text = header[len(_SCHEME) :].strip()
    row = node.recent.get(tokens.token_digest(text), lambda: _token(node, text))
    if row is None:
        raise Refused("unauthenticated", "the token is unknown")
    ended = row.ended(node.clock.now_ms())
    if ended is not None:
        why = "was not confirmed since the database was restored" if row.unconfirmed else "is not valid any more"
        raise Refused(ended, f"the token {row.id} of {row.name} {why}")
    if row.did is not None:
        with node.store.read() as connection:
            require_open(node, connection, row.did)
    if row.role == tokens.CLIENT_ROLE:
        limit_client(row.id)
    return Caller(role=row.role, name=row.name, did=row.did)
