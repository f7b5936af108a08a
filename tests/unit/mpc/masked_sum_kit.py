"""Three owners with keys from telling names, and the steps of a run."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mpc.engines.masked_sum.protocol import Committing, Session, pair_seed
from mpc.registry import read_task

CHAIN_ID = 31_337
MEMBERS = ("0x" + "11" * 20, "0x" + "5a" * 20, "0x" + "c3" * 20)
BLINDINGS = (3**150, 5**100, 7**88)
NOW = 1_795_000_000_000
DEADLINE = "2026-11-21T12:00:00.000+08:00"


def agreement_key(member):
    return hashlib.sha256(b"test agreement key of " + member.encode()).digest()


def public_of(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def task_json(**changes):
    return {
        "format": "bonafides.task/1",
        "task_id": "ab" * 32,
        "purpose": "MARKET_RISK",
        "statistics": ["clients", "holding_risk", "leverage"],
        "owners": [{"member": member, "dataset": f"{index:064x}"} for index, member in enumerate(MEMBERS)],
        "receivers": list(MEMBERS),
        "policy": {"min_contributors": 3, "min_clients": 10},
        "deadline": DEADLINE,
        "engine": "masked-sum/1",
        **changes,
    }


def make_spec(**changes):
    return read_task(task_json(**changes))


def spec_for(members, **changes):
    return make_spec(
        owners=[{"member": member, "dataset": "00" * 32} for member in members], receivers=list(members), **changes
    )


def seeds_of(spec, member, chain_id=CHAIN_ID):
    return {
        peer: pair_seed(spec, chain_id, member, agreement_key(member), peer, public_of(agreement_key(peer)))
        for peer in spec.members
        if peer != member
    }


def parties_of(spec, vectors, blindings=None):
    drawn = blindings or [2**200 + index for index in range(len(vectors))]
    return [Committing(spec, *entry) for entry in zip(spec.members, vectors, drawn, strict=True)]


def session_of(spec, parties):
    return Session.open(spec, CHAIN_ID, {party.member: party.commitment() for party in parties})


def exchange(spec, session, parties):
    """Every party masks and hears every other one."""
    masking = [party.mask(session, seeds_of(spec, party.member)) for party in parties]
    bodies = {party.member: party.outgoing() for party in masking}
    for index, party in enumerate(masking):
        state = party
        for sender, body in bodies.items():
            state = state.receive(sender, body)
        masking[index] = state
    return masking
