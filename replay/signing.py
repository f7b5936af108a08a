"""Whose signature the records of the domain owe, as evidence asks it."""

from __future__ import annotations

from evidence.verify.signing import SigningRules
from suitability.records import CLIENT_ACTS, STAFF_ACTS
from suitability.records.staff import END, ENROL

SIGNING = SigningRules(client_acts=CLIENT_ACTS, second_persons=STAFF_ACTS, enrols=ENROL, ends=END)
