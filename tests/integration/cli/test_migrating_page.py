"""The commands of the page about migrating, run as they stand there, on a populated node of release 1."""

import json
import secrets
import shutil
import time

import pytest

from bonafides.wallet.keys import Identities, Identity, KeyLine, Network, SigningKey
from bonafides.wallet.pinned import pin_broker
from bonafides.wallet.promises import add_promise
from bonafides.wallet.store import WalletStore
from did.identifiers import ethr_did
from node_adapter.bootstrap import open_node
from node_adapter.init import configure
from node_adapter.loopback_ports import reserve_port
from node_adapter.private_files import write_private
from node_adapter.store.engine import open_store
from node_adapter.workflows.former.outstanding import outstanding
from node_adapter.workflows.identity.staff_tokens import make_token, token_file
from node_adapter.workflows.intake.enrol_subject import find_subject
from primitives.secp256k1 import address_of
from tests.integration.cli.test_operators_page import ROOT, Place, blocks
from tests.waiting import wait_until
from tests.world.chain_case import CONTROLLER, NEW
from tests.world.migrated import BROKER, PASSWORD, Release1

pytestmark = [pytest.mark.chain, pytest.mark.slow]
PAGE = ROOT / "docs" / "migrating.md"
HEADINGS = (
    "2. The contracts",
    "3. Every member's node",
    "4. Who has still to follow",
    "5. The clients",
    "6. What is left of format 1",
)
WALLET_PASSWORD = "a password of the client's"
QUICK = {"period_seconds": 0.3, "promise_seconds": 60.0, "heartbeat_seconds": 3600.0}


def test_every_step_has_commands():
    assert tuple(dict.fromkeys(heading for heading, _ in blocks(PAGE))) == HEADINGS


@pytest.fixture
def place(tmp_path):
    release = Release1(tmp_path / "release").up()
    home = tmp_path / "place"
    (home / "nodes").mkdir(parents=True)
    shutil.move(release.root / BROKER, home / "nodes" / "a")
    shutil.copy(release.root / "network-1.json", home / "network-1.json")
    made = Place(home)
    made.environment |= {
        **release.then.environment(ROOT),
        "CHAIN": release.chain.rpc_url,
        "BONAFIDES_KEYSTORE_PASSWORD": PASSWORD,
        "BONAFIDES_WALLET_PASSWORD": WALLET_PASSWORD,
    }
    (home / "a.password").write_text(PASSWORD + "\n", "utf-8")
    made.release = release
    try:
        port = reserve_port(home / "nodes" / "a")
        configure(home / "nodes" / "a", {"anchoring": QUICK, "http": {"port": port}})
        yield made
    finally:
        if made.node is not None:
            made.stop()
        release.down()


def with_tokens(place):
    """The archive of release 1 holds no tokens: a node has them since it was made."""
    home, store = place.home / "nodes" / "a", open_store(place.home / "nodes" / "a" / "node.db")
    (home / "tokens").mkdir(mode=0o700)
    with store.write() as connection:
        for role in ("operator", "broker-system"):
            asked = {"name": f"a {role}", "role": role, "member_role": "broker", "days": 1}
            made = make_token(connection, **asked, entropy=secrets.token_bytes, now_ms=time.time_ns() // 1_000_000)
            write_private(token_file(home, role), made.text + "\n")
    store.dispose()


def as_its_wallet(place):
    """The wallet of the client of release 1, with what it had been promised."""
    node, old = opened(place), place.release.kept("network")
    contracts = {name: old["contracts"][name].lower() for name in ("DidRegistry", "ConsentRegistry")}
    network = Network(old["chain_id"], contracts["DidRegistry"], contracts["ConsentRegistry"])
    subject = find_subject(node, "client")["subject"]
    store = WalletStore.create(place.home / "wallets" / "c", WALLET_PASSWORD)
    identities = Identities(store)
    with identities.changing():
        lines = (KeyLine((SigningKey(NEW, 2),)),)
        identities.save(Identity("client", node.did, network, CONTROLLER, lines, 3, subject=subject))
        for number, generation in enumerate(node.keys.generations):
            pin_broker(identities, node.did, generation.signing_public.hex(), successor=number > 0)
        for promise in place.release.kept("promises"):
            add_promise(identities, promise)
    store.close()
    node.store.dispose()


def opened(place):
    return open_node(place.home / "nodes" / "a", PASSWORD)


def lacks(place):
    """What the client still lacks, as `node outstanding` says."""
    node = opened(place)
    try:
        return next((one["lacks"] for one in outstanding(node) if one["kind"] == "client"), [])
    finally:
        node.store.dispose()


def test_the_page_is_followed_from_the_first_step_to_the_last(place):
    did = ethr_did(place.release.chain.chain_id, address_of(CONTROLLER)).text
    before = {"3. Every member's node": with_tokens, "5. The clients": as_its_wallet}
    told = {}
    for heading, text in blocks(PAGE):
        if "systemctl" in text:
            before.pop("3. Every member's node")(place)
        if "wallet move" in text:
            before.pop("5. The clients")(place)
            assert lacks(place) == ["key", "opening"]
        if "wallet open" in text:
            wait_until(lambda: lacks(place) == ["opening"], "the client's key on the chain", seconds=60)
            place.environment["NODE"] = f"http://127.0.0.1:{place.port}"
        told[heading] = told.get(heading, "") + place.run_block(text)
    left = [json.loads(line) for line in (place.home / "clients.ndjson").read_text("utf-8").splitlines()]
    assert [(one["did"], one["continues"]["count"]) for one in left] == [(did, 13)]
    assert json.loads(told["2. The contracts"])["continues"] == place.release.old[0]
    assert lacks(place) == []
    assert '"status": "followed"' in told["5. The clients"] or '"status":"followed"' in told["5. The clients"]
    assert told["6. What is left of format 1"].count('"kept"') >= 13
    assert (place.home / "trust-1.json").is_file()
    assert "former.db" in told["6. What is left of format 1"]
