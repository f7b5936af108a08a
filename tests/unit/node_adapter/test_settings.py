import copy
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_adapter.settings import RetentionSettings, Settings, render_settings
from primitives.errors import CouldNotCheck, InvalidInput

GOOD = {
    "member": {"address": "0x" + "ab" * 20, "name": "Broker A", "role": "broker"},
    "chain": {
        "rpc_url": "http://127.0.0.1:8545",
        "chain_id": 20260,
        "directory": "0x" + "01" * 20,
        "directory_block": 3,
        "finality_depth": 1,
    },
    "http": {"host": "127.0.0.1", "port": 8080},
    "anchoring": {"period_seconds": 0.5, "promise_seconds": 60, "heartbeat_seconds": 600, "max_batch": 1000},
    "peers": {"0x" + "cd" * 20: "http://127.0.0.1:8081"},
}


def table(section, field, value):
    result = copy.deepcopy(GOOD)
    result[section][field] = value
    return result


def test_a_good_file_is_read(tmp_path):
    (tmp_path / "node.toml").write_text(render_settings(GOOD), "utf-8")
    settings = Settings.load(tmp_path)
    assert settings == Settings.load(tmp_path / "node.toml")
    assert settings.member.role == "broker"
    assert settings.http.url == "http://127.0.0.1:8080"
    assert settings.database_path == tmp_path / "node.db"
    assert settings.peers == GOOD["peers"]


def test_a_missing_file_could_not_be_checked(tmp_path):
    with pytest.raises(CouldNotCheck) as caught:
        Settings.load(tmp_path)
    assert caught.value.code == "settings-unreadable"


@pytest.mark.parametrize(
    ("section", "field", "value", "rule"),
    [
        ("member", "address", "0x" + "AB" * 20, "address"),
        ("member", "role", "client", "one-of"),
        ("member", "name", "", "length"),
        ("member", "name", 5, "text"),
        ("member", "colour", "red", "unknown-member"),
        ("chain", "rpc_url", "ftp://x", "url"),
        ("chain", "rpc_url", "http://x:port", "url"),
        ("chain", "chain_id", True, "integer"),
        ("chain", "chain_id", 0, "range"),
        ("chain", "directory", None, "address"),
        ("chain", "finality_depth", 0, "range"),
        ("http", "port", 70000, "range"),
        ("http", "port", "80", "integer"),
        ("anchoring", "period_seconds", float("nan"), "range"),
        ("anchoring", "period_seconds", "1", "number"),
        ("anchoring", "promise_seconds", 0.2, "range"),
        ("anchoring", "promise_seconds", 0.5, "range"),  # no shorter than the period: no promise could be given
        ("peers", "somebody", "http://x", "address"),
        ("peers", "0x" + "cd" * 20, "x", "url"),
    ],
)
def test_a_wrong_value_names_field_and_rule(tmp_path, section, field, value, rule):
    with pytest.raises(InvalidInput) as caught:
        Settings.from_table(table(section, field, value), home=tmp_path)
    assert (caught.value.field, caught.value.rule) == (f"{section}.{field}", rule)


@pytest.mark.parametrize("section", [name for name in GOOD if name != "peers"])
def test_a_missing_entry_or_section_is_named(tmp_path, section):
    for field in GOOD[section]:
        broken = copy.deepcopy(GOOD)
        del broken[section][field]
        with pytest.raises(InvalidInput) as caught:
            Settings.from_table(broken, home=tmp_path)
        assert (caught.value.field, caught.value.rule) == (f"{section}.{field}", "required")
    without = {name: entries for name, entries in GOOD.items() if name != section}
    with pytest.raises(InvalidInput) as caught:
        Settings.from_table(without, home=tmp_path)
    assert (caught.value.field, caught.value.rule) == (section, "required")


def test_an_unknown_section_and_bad_toml_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="extra"):
        Settings.from_table({**GOOD, "extra": {}}, home=tmp_path)
    for text in (b"[member", b"\xff", b"x = 1\n" * 20000):
        (tmp_path / "node.toml").write_bytes(text)
        with pytest.raises(InvalidInput):
            Settings.load(tmp_path)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.integers(-(2**40), 2**40))
def test_what_is_rendered_is_read_back(text, number):
    written = {"member": {"name": text, "count": number}, "peers": {"0x" + "cd" * 20: text}}
    assert tomllib.loads(render_settings(written)) == written


@pytest.mark.parametrize("url", ["https://broker:hunter2@chain.example/path?k=1", "/run/node.ipc", "http://[::1]:8545"])
def test_where_the_chain_is(url, tmp_path):
    settings = Settings.from_table(table("chain", "rpc_url", url), home=tmp_path)
    assert settings.rpc_endpoint.url == url
    assert url not in repr(settings)


def test_certificates_lie_beside_the_settings_or_where_they_say(tmp_path):
    (tmp_path / "ca.pem").touch()
    made = table("chain", "ca_file", "ca.pem")
    assert Settings.from_table(made, home=tmp_path).rpc_endpoint.ca_file == tmp_path / "ca.pem"
    made["chain"]["ca_file"] = str(tmp_path / "ca.pem")
    assert Settings.from_table(made, home=tmp_path / "node").rpc_endpoint.ca_file == tmp_path / "ca.pem"
    made["chain"]["client_certificate"] = "nothing.crt"
    with pytest.raises(InvalidInput, match="client_certificate"):
        _ = Settings.from_table(made, home=tmp_path).rpc_endpoint


@pytest.mark.parametrize("url", ["https://u:hunter2@chain/ x", "htp://u:hunter2@chain", "http://u:hunter2@c#f"])
def test_a_refused_url_is_not_told(url, tmp_path):
    with pytest.raises(InvalidInput) as caught:
        Settings.from_table(table("chain", "rpc_url", url), home=tmp_path)
    assert "hunter2" not in str(caught.value)


STAMPED = {"url": "https://tsa.example/tsr", "authority": "tsa.pem", "roots": "root.pem"}


def test_an_authority_may_be_named_and_may_be_anywhere(tmp_path):
    assert Settings.from_table(GOOD, home=tmp_path).timestamps is None
    found = Settings.from_table({**GOOD, "timestamps": STAMPED}, home=tmp_path)
    assert found.timestamps.every_hours == 24
    assert set(found.named_urls.values()) == {*found.peers.values(), STAMPED["url"]}


@pytest.mark.parametrize(
    ("entry", "value", "rule"),
    [
        ("url", "tsa", "url"),
        ("authority", 7, "text"),
        ("every_hours", 0, "range"),
        ("every_hours", True, "number"),
        ("every_hours", float("nan"), "range"),
        ("other", 1, "unknown-member"),
    ],
)
def test_what_is_said_of_an_authority_is_read_strictly(tmp_path, entry, value, rule):
    with pytest.raises(InvalidInput) as caught:
        Settings.from_table({**GOOD, "timestamps": {**STAMPED, entry: value}}, home=tmp_path)
    assert (caught.value.field, caught.value.rule) == (f"timestamps.{entry}", rule)


def test_what_is_old_has_days_of_its_own(tmp_path):
    assert Settings.from_table(GOOD, home=tmp_path).retention == RetentionSettings(30, 30, 365)
    found = Settings.from_table({**GOOD, "retention": {"writes_days": 90}}, home=tmp_path)
    assert found.retention == RetentionSettings(90, 30, 365)


@pytest.mark.parametrize(
    ("entry", "value", "rule"),
    [
        ("writes_days", 6, "range"),
        ("task_days", 0, "range"),
        ("alarms_days", 40_000, "range"),
        ("alarms_days", 7.5, "integer"),
        ("records_days", 7, "unknown-member"),
    ],
)
def test_no_shorter_time_is_taken(entry, value, rule, tmp_path):
    with pytest.raises(InvalidInput) as caught:
        Settings.from_table({**GOOD, "retention": {entry: value}}, home=tmp_path)
    assert (caught.value.field, caught.value.rule) == (f"retention.{entry}", rule)
