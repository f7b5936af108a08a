"""Opening a client's session at a node: the wallet signs the node's nonce with the identity's current key."""

from __future__ import annotations

from typing import Any

from bonafides.wallet.keys import Identities
from bonafides.wallet.rotation import learn
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, Refused

SESSION_VERSION = "bonafides.session/1"


def answer_challenge(identities: Identities, challenge: dict[str, Any]) -> dict[str, Any]:
    """Sign a challenge; learn from it how the identity stands on the chain. Call it inside `Identities.changing`.

    Raises:
        InvalidInput: it is no challenge.
        Refused: `wallet-foreign`; `wallet-wrong-broker` when another member than the identity's broker asks.
    """
    identity = identities.by_did(challenge.get("did"))
    nonce, broker = challenge.get("nonce"), challenge.get("broker")
    if not isinstance(nonce, str) or not nonce:
        raise InvalidInput("nonce", "text", "must be text")
    if broker != identity.broker:
        raise Refused("wallet-wrong-broker", f"{broker} asks, but the identity is for {identity.broker}")
    if challenge.get("identity") is not None:
        identity = learn(identities, identity.did, challenge["identity"])
    statement = {"version": SESSION_VERSION, "broker": identity.broker, "did": identity.did, "nonce": nonce}
    return {
        "did": identity.did,
        "nonce": nonce,
        "key": identity.key_id(identity.key),
        "signature": encode_base64url(ed25519.sign(identity.key.seed, canonical_json(statement))),
    }
