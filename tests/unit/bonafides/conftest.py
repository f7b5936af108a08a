import hashlib
from itertools import count

import pytest

from bonafides.wallet.keys import Identities, Network, bind, new_identity
from bonafides.wallet.pinned import pin_broker
from bonafides.wallet.sign import open_history
from bonafides.wallet.store import WalletStore
from primitives.digest import tagged_sha256
from primitives.suites import DEFAULT
from replay.installed import INSTALLED
from scripts.vectors.synthetic_consortium import CHAIN_ID, did
from tests.unit.bonafides.house import House

CHAIN = CHAIN_ID
BROKER = did("north")
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
        "version": "bonafides.act/2",
        "suite": DEFAULT.name,
        "type": kind,
        "broker": broker,
        "subject": subject,
        "document": document.name,
        "ruleset": "demo@1:" + "00112233445566aa" * 4,
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
def bound(identities):
    """A client whom the broker gave a pseudonym, and who has opened nothing yet."""
    with identities.changing():
        made = new_identity(
            identities,
            client_ref="c-1",
            broker=BROKER,
            network=NETWORK,
            certificate={"kind": "passport", "number": "TEST00001"},
        )
        return bind(identities, made.did, PID)


@pytest.fixture
def opening(identities, bound):
    """The act by which the client opened the history."""
    with identities.changing():
        return open_history(identities, bound.did, now_ms=NOW, show=lambda *_: True)


@pytest.fixture
def identity(bound, opening):
    return bound


@pytest.fixture
def house(identities, identity, opening):
    """The client's broker, whose keys are pinned, with the opening as record 1."""
    made = House(identity)
    made.act(opening)
    with identities.changing():
        pin_broker(identities, BROKER, made.keys.signing.hex(), made.keys.checkpoint.hex())
    return made
