"""Tokens of a real time-stamp authority over checkpoints: asked for, verified, kept, shown; and one that fails."""

import shutil
import subprocess
from dataclasses import replace
from functools import partial

import pytest

from evidence.log.note import split_note
from evidence.version2.log.timestamp_token import verify_token
from node_adapter.peers.client import ask_peer
from node_adapter.settings import TimestampSettings
from node_adapter.store import alarms, timestamp_tokens
from node_adapter.workflows.anchoring import timestamping
from node_adapter.workflows.anchoring.timestamping import FIRST_WAIT_MS, Stamping
from primitives.encoding import decode_base64url
from tests.waiting import wait_until
from tests.world.authority import Authority, serving
from tests.world.payloads import PAYLOADS

HOUR = 3_600


@pytest.fixture
def authority(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("the authority is OpenSSL's program, which this machine does not have")
    return Authority(tmp_path / "authority")


@pytest.fixture
def stamped(broker, authority):
    """A broker whose settings name the authority."""
    with serving(authority) as url:
        named = TimestampSettings(url, authority.authority, authority.roots)
        settings = replace(broker.node.settings, timestamps=named)
        ask = partial(ask_peer, known=settings.named_urls, networks=())
        broker.node = replace(broker.node, settings=settings, ask=ask)
        yield broker


def stamping(broker):
    return Stamping(broker.node, broker.node.settings.timestamps)


def shown(broker, **query):
    answer = broker.call("GET", "/v1/log/timestamps", role=None, token=None, **query)
    assert answer.status_code == 200
    return answer.get_json()


def test_a_token_is_asked_for_once_a_day_verified_and_shown(stamped, authority, client, tmp_path):
    asks = stamping(stamped)
    assert asks.step() is False  # nothing is anchored
    stamped.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    stamped.anchor()
    assert asks.step() is True
    assert asks.step() is False
    for _ in range(3):  # more anchors of the same day
        stamped.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
        stamped.anchor()
        assert stamping(stamped).step() is False
    stamped.clock.sleep(24 * HOUR)
    assert asks.step() is True
    [first, second] = shown(stamped)["timestamps"]
    assert (first["seq"], second["seq"]) == (2, 5)
    assert len(authority.asked) == 2
    assert authority.asked[0][:2] == ("/tsr", "application/timestamp-query")
    token = decode_base64url(first["token"], "token")
    pems = [(authority.home / name).read_bytes() for name in ("authority.pem", "root.pem")]
    assert verify_token(token, first["checkpoint"], pems[0], pems[1:]).serial >= 1
    # As the operators' page says it, by OpenSSL alone:
    (tmp_path / "text").write_text(split_note(first["checkpoint"])[0], "utf-8")
    (tmp_path / "token.tsr").write_bytes(token)
    files = ["-data", str(tmp_path / "text"), "-in", str(tmp_path / "token.tsr"), "-CAfile", authority.roots]
    subprocess.run(["openssl", "ts", "-verify", *files, "-untrusted", authority.authority], check=True)


def test_tokens_of_a_log_that_a_chain_reset_cut_off_make_nobody_ask_again_and_again(stamped, authority, client):
    stamped.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    stamped.anchor()
    with stamped.store.write() as connection:
        timestamp_tokens.add(connection, timestamp_tokens.TimestampToken(9, 9, "note", b"t", stamped.clock.now_ms()))
    stamped.clock.sleep(24 * HOUR)
    asks = stamping(stamped)
    assert asks.step() is True
    for _ in range(3):
        stamped.clock.sleep(5)
        assert asks.step() is False
    assert len(authority.asked) == 1


@pytest.mark.parametrize("broken", [(500, b""), (404, b""), (200, b"no token"), (200, bytes(20_000))])
def test_an_authority_that_fails_is_an_alarm_and_stops_nothing(stamped, authority, client, broken):
    stamped.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    stamped.anchor()
    authority.broken = broken
    asks = stamping(stamped)
    for _ in range(2):
        assert asks.step() is False
    assert len(authority.asked) == 1  # it waits before it asks again
    assert alarm(stamped)
    stamped.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    stamped.anchor()
    authority.broken = None
    stamped.clock.sleep(FIRST_WAIT_MS / 1000)
    assert asks.step() is True
    assert not alarm(stamped)


def alarm(broker):
    with broker.store.read() as connection:
        return alarms.is_open(connection, alarms.TIMESTAMP_FAILED)


def test_a_token_of_another_authority_is_not_kept(stamped, authority, client):
    stamped.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    stamped.anchor()
    for changes in ({"authority": authority.other}, {"roots": authority.other}, {"roots": "missing.pem"}):
        settings = replace(stamped.node.settings.timestamps, **changes)
        assert Stamping(stamped.node, settings).step() is False
        assert alarm(stamped)
    with stamped.store.read() as connection:
        assert timestamp_tokens.newest(connection, 1_000) is None


def test_pages_go_on_where_the_last_one_ended(stamped, client):
    with stamped.store.write() as connection:
        for seq in range(2, 9):
            timestamp_tokens.add(connection, timestamp_tokens.TimestampToken(seq, seq, "note", b"t", seq))
    seen, after = [], 0
    while after is not None:
        answer = stamped.http.get(f"/v1/log/timestamps?limit=3&after={after}").get_json()
        seen += [one["seq"] for one in answer["timestamps"]]
        after = answer["next_after"]
    assert seen == list(range(2, 9))


def test_the_process_asks_beside_its_loop_where_an_authority_is_named(stamped, authority, client, monkeypatch):
    monkeypatch.setattr(timestamping, "LOOK_EVERY_SECONDS", 0.01)
    stamped.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    stamped.anchor()
    with timestamping.stamping(replace(stamped.node, settings=replace(stamped.node.settings, timestamps=None))):
        assert authority.asked == []
    with timestamping.stamping(stamped.node):
        wait_until(lambda: shown(stamped)["timestamps"], "a token")
