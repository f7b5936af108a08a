"""The seam of a cryptosuite: how one kind of proof is made, verified and shown in part.

A suite is a file of `did.credentials.suites` that offers a `Suite` as SUITE; `did.credentials.registry` finds it by
what a proof says of itself: its `type`, and its `cryptosuite` where it states one. Nothing else names a suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from primitives.errors import Refused

Document = Mapping[str, Any]
CANNOT_DERIVE = "suite-cannot-derive"


@dataclass(frozen=True)
class ProofOptions:
    """What a signer states in a proof beside the signature.

    Attributes:
        verification_method: DID URL of the key.
        created: an XML Schema date-time with an offset.
        purpose: the proof purpose.
    """

    verification_method: str
    created: str
    purpose: str


def cannot_derive(_secured: Document, _shown: Sequence[str]) -> dict[str, Any]:
    """Refuse to show a part: a signature over the whole document says nothing of one.

    Raises:
        Refused: `suite-cannot-derive`.
    """
    raise Refused(CANNOT_DERIVE, "proof: its suite signs the document as a whole, and nothing less can be shown")


@dataclass(frozen=True)
class Suite:
    """A kind of proof.

    Attributes:
        proof_type: the `type` of its proofs.
        cryptosuite: their `cryptosuite`; None when the type says all.
        create: (document without proof, options, secret key) -> the proof.
        verify: (document without proof, proof, public key) -> nothing, or VerificationFailed `proof-context` or
            `signature`, or InvalidInput when the proof's own members are ill-formed.
        as_signed: (document without proof, proof) -> the document in the one form that the signature stands for, its
            proof an object: what it is compared, hashed and kept by, whatever who shows it may change.
        derive: (secured document, JSON pointers of what is shown) -> a document that shows only that, and verifies;
            Refused `suite-cannot-derive` from a suite whose signature stands for the whole.
    """

    proof_type: str
    cryptosuite: str | None
    create: Callable[[Document, ProofOptions, bytes], dict[str, Any]]
    verify: Callable[[Document, Document, bytes], None]
    as_signed: Callable[[Document, Document], dict[str, Any]]
    derive: Callable[[Document, Sequence[str]], dict[str, Any]] = cannot_derive

    @property
    def label(self) -> str:
        """How its proofs are called in a sentence."""
        return self.proof_type if self.cryptosuite is None else f"{self.proof_type} with {self.cryptosuite}"

    @property
    def name(self) -> str:
        """The short name, in descriptions."""
        return self.cryptosuite or self.proof_type
