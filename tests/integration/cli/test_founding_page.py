"""The commands of the page about founding a network, run as they stand there; each answers what the page says."""

import json
import re
import subprocess
from contextlib import contextmanager

import pytest

from tests.integration.cli.test_operators_page import COMMAND, PASSWORD, ROOT, Place, blocks
from tests.waiting import wait_for_end, wait_until

pytestmark = [pytest.mark.chain, pytest.mark.slow]
PAGE = ROOT / "docs" / "founding.md"
HEADINGS = [
    "1. A chain",
    "2. Every member's keys",
    "3. The contracts",
    "4. Every member's node",
    "5. The rules",
    "6. The first client",
    "7. The first proof",
]


def test_every_step_has_commands_and_says_what_they_answer():
    assert list(dict.fromkeys(heading for heading, _ in blocks(PAGE))) == HEADINGS
    assert all(answers(text) for _, text in blocks(PAGE))


def answers(text):
    """What a block's commands answer, as the page says behind them."""
    return re.findall(r"# -> (.+)$", text, re.MULTILINE)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    made.environment |= {
        "BONAFIDES_KEYSTORE_PASSWORD": PASSWORD,
        "BONAFIDES_WALLET_PASSWORD": "a password of the client's",
    }
    (tmp_path / "a.password").write_text(PASSWORD + "\n", "utf-8")
    try:
        yield made
    finally:
        if made.node is not None:
            made.stop()
        made.command("network", "down", "chain")


@contextmanager
def regulator(place):
    """The regulator's node, which its own service manager runs."""
    words = [*COMMAND, "node", "run", "nodes/r", "--workers", "1", "--password-file", "a.password"]
    with (place.home / "r.log").open("ab") as log:
        node = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, cwd=place.home, env=place.environment)
    try:
        assert node.stdout.readline().strip() == b"{", (place.home / "r.log").read_text("utf-8")
        yield
    finally:
        node.terminate()
        assert wait_for_end(node, seconds=60) == 0
        node.stdout.close()


def read(place, name):
    return json.loads((place.home / name).read_text("utf-8"))


def status(place, name="a"):
    return place.command("node", "status", "--node", f"nodes/{name}")


def await_level(place, name, block):
    def reaches():
        indexed = status(place, name)["chain"]["indexed"]
        return indexed is not None and indexed["number"] >= block

    wait_until(reaches, f"block {block} at {name}")


def follow(place, text):
    """Run a block; what it says of itself stands in its answer."""
    told = place.run_block(text)
    for said in answers(text):
        assert said in told, (said, told)


def prepare(place, text):
    """Know what the page says is known by now, and wait for what it waits for."""
    if "contracts deploy" in text:
        shown = place.command("network", "status", "chain")
        place.environment["CHAIN"] = shown["rpc_url"]
    if "member list" in text:
        await_level(place, "a", read(place, "network.json")["directory_block"])
    if "wallet new" in text:
        member = status(place)["member"]
        signing = read(place, "a.json")["member"]["keys"]["signing"]
        place.environment |= {"BROKER": member["did"], "BROKER_KEY": signing}
    if "wallet open" in text:
        place.environment["CLIENT"] = did = read(place, "bound.ndjson")["did"]
        wait_until(lambda: place.command("did", "resolve", "--node", "nodes/a", did)["keys"], "the client's key")
    if "receipts fetch" in text:
        place.environment["NODE"] = f"http://127.0.0.1:{place.port}"
        wait_until(lambda: status(place)["log"]["anchored"] >= 1, "the anchor")
    if "chain trust" in text:
        place.environment["REGULATOR_KEY"] = read(place, "r.json")["member"]["keys"]["signing"]


def test_the_page_is_followed_from_nothing_to_the_first_proof(place):
    steps = [text for _, text in blocks(PAGE)]
    started = next(number for number, text in enumerate(steps) if "systemctl" in text)
    for text in steps[: started + 1]:
        prepare(place, text)
        follow(place, text)
    with regulator(place):
        for text in steps[started + 1 :]:
            prepare(place, text)
            before, trust, after = text.partition("bonafides chain trust") if "chain trust" in text else (text, "", "")
            follow(place, text) if not trust else follow_proof(place, before, trust + after)


def follow_proof(place, replay, proof):
    """The regulator's node reads the bundle's block before it speaks of it."""
    follow(place, replay)
    block = read(place, "case.json")["as_of"]["block"]
    await_level(place, "r", block)
    follow(place, f"BLOCK={block}\n{proof}")
