"""The seam of a credential type: all that the product knows of one kind of credential.

A type is a file of `did.credentials.types` that offers a `CredentialType` as TYPE; issue, verification, answers and the
pages of the documentation take from `did.credentials.registry` what they need of it, and none of them names one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from did.credentials.claims import check_type, checked_claims, credential_body, read_claims
from did.credentials.contexts import CREDENTIALS_V1, Context
from did.credentials.credential import Credential
from did.identifiers import parse_did
from primitives.shapes import Shape

Claims_co = TypeVar("Claims_co", covariant=True)


class Basis(Enum):
    """On what an issuer's right rests."""

    BROKER_OF_CLIENT = "broker-of-client"
    BROKER_OF_LIST = "broker-of-list"
    CLIENT_ITSELF = "client-itself"


class Ending(Enum):
    """Where it is asked, beside its period, whether a credential has ended."""

    STATUS_LIST = "status-list"  # its issuer's
    CONSENT = "consent"  # what the broker recorded, and the chain's ConsentRegistry


class LevelInForce(Protocol):
    """A risk level. Times are milliseconds; it counts from the first and no longer from the last."""

    @property
    def name(self) -> str:
        """Its code, such as C3."""

    @property
    def ruleset(self) -> str | None:
        """Label of the rule set that gave it."""

    @property
    def valid_from(self) -> int:
        """When it began."""

    @property
    def valid_to(self) -> int:
        """When it ends."""


@dataclass(frozen=True)
class RecordedFact:
    """A record of a client's history whose payload is still there; `occurred_at` is in milliseconds."""

    payload: Mapping[str, Any] = field(repr=False)
    occurred_at: int


class AttestedClient(Protocol):
    """What a broker knows of a client at the moment of an issue."""

    @property
    def now_ms(self) -> int:
        """The moment."""

    def level(self) -> LevelInForce | None:
        """Return the last level that began before the moment, whether it has ended or not."""

    def recorded(self, code: str) -> Sequence[RecordedFact]:
        """Return the client's records of a type, in their order."""


@dataclass(frozen=True)
class Attested:
    """What a broker attests of a client: the claims but for `id`, and until when they hold, in milliseconds."""

    claims: Mapping[str, Any] = field(repr=False)
    valid_until: int


@dataclass(frozen=True)
class Attestation:
    """How a broker issues a type when it is asked.

    Attributes:
        attest: what it attests of a client now; Refused when there is nothing to attest.
        by_default: whether it is what a request means that names no type.
        lasts_from_issue: whether its end is counted from its issue: what was issued before then stands for what is
            asked now though the new one would end later.
    """

    attest: Callable[[AttestedClient], Attested]
    by_default: bool = False
    lasts_from_issue: bool = False


@dataclass(frozen=True)
class CredentialType(Generic[Claims_co]):
    """A kind of credential.

    Attributes:
        name: the type that it states beside `VerifiableCredential`.
        words: what it attests, for a person.
        about: whom or what it is about, for a person.
        basis: by what right it is issued.
        claims: the claims about its one subject, each with its shape; `claims_of` reads no other.
        read: the reader of its claims, InvalidInput when they are ill-formed: a good signature over claims that nobody
            may read says nothing.
        ending: where its early end is asked.
        context: names its terms.
        attestation: how a broker issues it; None of a type that nobody asks a broker for.
    """

    name: str
    words: str
    about: str
    basis: Basis
    claims: Mapping[str, Shape[Any]]
    read: Callable[[Credential], Claims_co]
    ending: Ending = Ending.STATUS_LIST
    context: Context = CREDENTIALS_V1
    attestation: Attestation | None = None

    def unsecured(
        self,
        attested: Attested,
        *,
        credential_id: str,
        issuer: str,
        subject: str,
        valid_from: int,
        status: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the credential that says what is attested of a client, without a proof.

        Args:
            attested: the claims.
            credential_id: its URL.
            issuer: DID of the broker.
            subject: DID of the client.
            valid_from: milliseconds.
            status: a status-list entry.

        Raises:
            InvalidInput: a DID, a claim or the period is ill-formed.
        """
        parse_did(subject, "subject")
        parse_did(issuer, "issuer")
        claims = {"id": subject, **attested.claims}
        checked_claims(claims, self.claims)
        return credential_body(
            credential_id=credential_id,
            name=self.name,
            issuer=issuer,
            subject=claims,
            valid_from=valid_from,
            valid_until=attested.valid_until,
            status=status,
            context=self.context,
        )

    def claims_of(self, credential: Credential) -> dict[str, Any]:
        """Return the claims of a credential of this type, each as its shape reads it.

        Raises:
            InvalidInput: another type, more than one subject, or a claim is unknown, missing or ill-formed.
        """
        check_type(credential, self.name)
        return read_claims(credential, self.claims)
