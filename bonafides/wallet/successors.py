"""A broker's new keys, by proof: what a bundle under a trusted block says of them.

Whoever pinned keys of a broker need not take new ones on anybody's word. A bundle shows the key sets that the leaves of
the broker's log name, and, by the registry's storage at its block, the keys in force there. The block is the word of a
member that the client pins, and a bundle that does not hold in any check gives no key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bonafides.wallet.keys import Identities
from bonafides.wallet.pinned import pin_broker, pinned_keys
from evidence.version2.documents.bundle import Bundle, parse_bundle
from evidence.version2.documents.receipt import PinnedKeys
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives.errors import VerificationFailed
from replay.installed import INSTALLED
from replay.signing import signing_rules


def follow_keys(
    identities: Identities, bundle: bytes, trust: Sequence[bytes], trust_keys: Collection[bytes]
) -> tuple[str, list[PinnedKeys]]:
    """Pin the keys that a bundle proves of its broker, beside those that are pinned; call it inside `changing`.

    Args:
        identities: the wallet.
        bundle: of any history at that broker, such as the client's own.
        trust: one trust file or more.
        trust_keys: the keys of their signers, which the client pins.

    Returns:
        The broker, and all pairs that are pinned of it, the newest last.

    Raises:
        InvalidInput: not a bundle, or not a trust file.
        Refused: `wallet-broker-unknown`, no key of this broker is pinned: there is none to succeed.
        VerificationFailed: `trust`, or the first check that fails.
        CouldNotCheck: what the bundle rests on cannot be checked here; `suite-not-installed` for one.
    """
    shown = parse_bundle(bundle)
    pinned_keys(identities, shown.broker)
    report = verify_bundle(bundle, trust, trust_keys, VerificationRequest(signing_rules(INSTALLED)))
    if not report.ok:
        check = next(one for one in report.checks if not one.ok)
        raise VerificationFailed(check.name, f"the bundle proves no keys: {check.detail}")
    pinned: list[PinnedKeys] = []
    for keys in _in_order(shown):
        pinned = pin_broker(identities, shown.broker, keys.signing.hex(), keys.checkpoint.hex(), successor=True)
    return shown.broker, pinned


def _in_order(shown: Bundle) -> Iterator[MemberKeySet]:
    """Give the key sets of the shown leaves, and then those in force at the block, if the broker is active there."""
    by_digest = {keys.digest(): keys for keys in shown.keys}
    for anchor in shown.log.anchors:
        yield by_digest[anchor.leaf.keys_digest]
    yield from (item.keys for item in shown.members if item.member == shown.broker)
