"""Which reader holds the claims of each kind of credential to their form.

A good signature over ill-formed claims says nothing: whoever reads them would refuse them, so they do not verify.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from did.credentials import consent, identity, status_list, suitability
from did.credentials.model import Credential

READERS: Mapping[str, Callable[[Credential], Any]] = {
    consent.TYPE: consent.read_consent,
    identity.TYPE: identity.read_identity,
    status_list.LIST_CREDENTIAL_TYPE: status_list.read_list,
    suitability.TYPE: suitability.read_suitability,
}
"""The reader of every kind that `did.credentials.issuers` knows; it raises InvalidInput."""
