import hashlib
from itertools import count

import pytest

from bonafides.wallet.keys import Identities, Network, bind, new_identity
from bonafides.wallet.store import WalletStore
from primitives.digest import tagged_sha256

CHAIN = 0x4F24
BROKER = f"did:ethr:0x{CHAIN:x}:0x" + "b1" * 20
NETWORK = Network(CHAIN, "0x" + "d1" * 20, "0x" + "c1" * 20)
PASSWORD = "a test password"
PID = "5a" * 32
NOW = 1_795_000_000_000


def entropy_from(seed):
    counter = count()
    return lambda size: b"".join(
        tagged_sha256("test wallet", seed, next(counter).to_bytes(4)) for _ in range(size // 32 + 1)
    )[:size]


def draft(kind="LEVEL_CONFIRM", *, broker=BROKER, subject=PID, body="I confirm level C3.", **fields):
    digest = hashlib.sha256(body.encode()).hexdigest()
    return {
        "version": "bonafides.act/1",
        "type": kind,
        "broker": broker,
        "subject": subject,
        "document": "level-confirm@1",
        "ruleset": "demo@1:00112233445566aa",
        "fields": {"level": "C3", **fields, "lang": "en", "text_sha256": digest},
        "text": {"lang": "en", "body": body},
    }


@pytest.fixture
def store(tmp_path):
    opened = WalletStore.create(tmp_path / "wallet", PASSWORD, entropy_from(b"store"))
    yield opened
    opened.close()


@pytest.fixture
def identities(store):
    return Identities(store)


@pytest.fixture
def identity(identities):
    with identities.changing():
        made = new_identity(
            identities,
            client_ref="c-1",
            broker=BROKER,
            network=NETWORK,
            certificate={"kind": "passport", "number": "TEST00001"},
        )
        return bind(identities, made.did, PID)
