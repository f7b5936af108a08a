import hashlib
from itertools import count

import pytest

from bonafides.wallet.keys import Identities, Network, bind, new_identity
from bonafides.wallet.store import WalletStore
from primitives.digest import tagged_sha256
from replay.installed import INSTALLED

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


TEXT_VALUES = {
    "broker": "Broker A",
    "total": 55,
    "ruleset": "demo@1",
    "valid_to": "2028-01-01",
    "product": "Fund (P-1)",
    "risk": "R4",
    "code": "RISK_MISMATCH",
    "gap": 1,
    "level": "C3",
    "consent_id": "made by your wallet",
    "purpose": "MARKET_RISK",
}


def draft(kind="LEVEL_CONFIRM", *, broker=BROKER, subject=PID, body=None, lang="en", **fields):
    if kind == "LEVEL_CONFIRM":
        fields = {"level": "C3", "level_ref": "00" * 32, **fields}
    document = INSTALLED.document_for(kind)
    shown = {name: ", ".join(v) if isinstance(v, list) else v for name, v in fields.items() if v is not None}
    values = {name: value for name, value in {**TEXT_VALUES, **shown}.items() if name in document.values}
    text = body or document.render(lang, values)
    return {
        "version": "bonafides.act/1",
        "type": kind,
        "broker": broker,
        "subject": subject,
        "document": document.name,
        "ruleset": "demo@1:00112233445566aa",
        "fields": {**fields, "lang": lang, "text_sha256": hashlib.sha256(text.encode()).hexdigest()},
        "text": {"lang": lang, "body": text},
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
