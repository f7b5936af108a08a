"""BitstringStatusListCredential: a broker publishes which of its credentials it has revoked."""

from __future__ import annotations

from did.credentials.credential import Credential
from did.credentials.credential_type import Basis, CredentialType
from did.credentials.status_list import LIST_CREDENTIAL_TYPE, LIST_TYPE, decode_list
from primitives.errors import InvalidInput
from primitives.shapes import Constant, Text

_CLAIMS = {"id": Text(), "type": Constant(LIST_TYPE), "statusPurpose": Text(), "encodedList": Text()}


def read_list(credential: Credential) -> bytes:
    """Read the bits of a credential that publishes a list.

    Raises:
        InvalidInput: another type, more than one subject, or the list is ill-formed.
    """
    if LIST_CREDENTIAL_TYPE not in credential.types or len(credential.subjects) != 1:
        raise InvalidInput("credentialSubject", "status-list", f"must be one {LIST_TYPE}")
    [subject] = credential.subjects
    if subject.get("type") != LIST_TYPE:
        raise InvalidInput("credentialSubject.type", "status-list", f"must be {LIST_TYPE}")
    return decode_list(subject.get("encodedList"), "credentialSubject.encodedList")


TYPE = CredentialType(
    name=LIST_CREDENTIAL_TYPE,
    words="which of the credentials that name the list are revoked",
    about="its own credentials",
    basis=Basis.BROKER_OF_LIST,
    claims=_CLAIMS,
    read=read_list,
)
