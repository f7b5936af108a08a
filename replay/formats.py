"""Evidence of either format: a bundle says which one it is of, and is verified by that one's specification.

A trust file of format 1 holds headers, and one of them is enough; of format 2 there may be several, each signed, and
they count under the keys that the verifier pinned. A bundle is verified under the trust files of its own format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evidence.documents.bundle import MAX_BUNDLE_BYTES, MAX_BUNDLE_NODES
from evidence.documents.bundle import parse_bundle as parse_bundle_1
from evidence.documents.trust import MAX_TRUST_BYTES
from evidence.verify.bundle import verify_bundle as verify_bundle_1
from evidence.verify.verdict import VerificationReport
from evidence.version2.documents.bundle import BUNDLE_FORMAT as BUNDLE_2
from evidence.version2.documents.bundle import parse_bundle as parse_bundle_2
from evidence.version2.documents.trust import MAX_TRUST_BYTES as MAX_TRUST_2
from evidence.version2.documents.trust import MAX_TRUST_NODES, TRUST_FORMAT
from evidence.version2.verify.bundle import VerificationRequest
from evidence.version2.verify.bundle import verify_bundle as verify_bundle_2
from primitives.canonical import parse_json
from primitives.errors import InvalidInput
from primitives.packed import unpack
from primitives.suites import PUBLIC_KEY


@dataclass(frozen=True)
class Trust:
    """On whose word a chain's blocks stand: trust files by their format, and the keys that the verifier pinned."""

    of_1: tuple[bytes, ...]
    of_2: tuple[bytes, ...]
    keys: frozenset[bytes]

    @classmethod
    def read(cls, files: bytes | Sequence[bytes], keys: Iterable[object] = ()) -> Trust:
        """Sort trust files, packed or not, by their format, and read the pinned keys (hex).

        Raises:
            InvalidInput: there is no file, more than one of format 1, or what is no key.
        """
        packed = [files] if isinstance(files, bytes) else files
        given = [unpack(file, "trust", MAX_TRUST_BYTES) for file in packed]
        of_2 = tuple(file for file in given if _is_trust_2(file))
        of_1 = tuple(file for file in given if file not in of_2)
        if not given:
            raise InvalidInput("trust", "required", "there is no trust file")
        if len(of_1) > 1:
            raise InvalidInput("trust", "unique", "two trust files are of format 1, of which one is read")
        pinned = frozenset(PUBLIC_KEY.read(key, f"trust_keys[{number}]") for number, key in enumerate(keys))
        if pinned and not of_2:
            detail = (
                "no trust file of format 2 is given: one of format 1 is signed by nobody, and no key is pinned for it"
            )
            raise InvalidInput("trust_keys", "together", detail)
        return cls(of_1, of_2, pinned)


def is_format_2(bundle: bytes) -> bool:
    """Tell whether a bundle says that it is of format 2. What says neither is left to the reader of format 1.

    Raises:
        InvalidInput: it is no JSON.
    """
    if BUNDLE_2.encode() not in bundle:  # reading a long bundle twice takes time
        return False
    parsed = parse_json(bundle, field="bundle", max_bytes=MAX_BUNDLE_BYTES, max_nodes=MAX_BUNDLE_NODES)
    return isinstance(parsed, dict) and parsed.get("format") == BUNDLE_2


def subject_of(bundle: bytes) -> bytes:
    """Return the pseudonym of whose history a bundle is; raises InvalidInput where it is none."""
    return (parse_bundle_2(bundle) if is_format_2(bundle) else parse_bundle_1(bundle)).history.subject


def verify_evidence(bundle: bytes, trust: Trust, asked: VerificationRequest) -> VerificationReport:
    """Verify the evidence of a bundle of either format.

    Raises:
        InvalidInput: not a bundle, not a trust file, no trust file of the bundle's format, or no pinned key.
        CouldNotCheck: the trust files do not reach a block that is needed, or a held promise is nobody's.
        VerificationFailed: check `trust`, of format 2: a file is signed by no pinned key, or two contradict each other.
    """
    if is_format_2(bundle):
        if not trust.of_2:
            raise _another_format(1, 2, "it is signed, and comes from a member or the regulator")
        if not trust.keys:
            detail = "no key is pinned: a trust file counts for as much as the one who signed it, whom you have to know"
            raise InvalidInput("trust_keys", "required", detail)
        return verify_bundle_2(bundle, trust.of_2, trust.keys, asked)
    if not trust.of_1:
        parse_bundle_1(bundle)  # what is no bundle is told so, before anything is said of trust files
        raise _another_format(2, 1, "a release before wrote it")
    return verify_bundle_1(
        bundle,
        trust.of_1[0],
        signing=asked.signing,
        at_least_block=asked.at_least_block,
        promises=asked.promises,
        elsewhere=asked.elsewhere,
    )


def _another_format(stated: int, wanted: int, whence: str) -> InvalidInput:
    told = f"is of format {stated}, and a bundle of format {wanted} needs one of its own format: {whence}"
    return InvalidInput("trust", "shape", told)


def _is_trust_2(file: bytes) -> bool:
    """Tell whether a trust file says that it is of format 2; those of format 1 are longer, or left to its reader."""
    if len(file) > MAX_TRUST_2 or TRUST_FORMAT.encode() not in file:
        return False
    parsed = parse_json(file, field="trust", max_bytes=MAX_TRUST_2, max_nodes=MAX_TRUST_NODES)
    return isinstance(parsed, dict) and parsed.get("format") == TRUST_FORMAT
