"""The main job end to end: what it says of itself, and what must hold of what it leaves behind."""

import base64
import gzip
import json
import sqlite3
from typing import Any

import httpx
import pytest

from primitives.canonical import canonical_json
from scripts.demo.cheater import CHEATER
from suitability.records import RECORD_TYPES

pytestmark = [pytest.mark.chain, pytest.mark.slow]

BROKERS = ("alpha", "beta", "gamma")


def test_every_step_is_in_the_summary(job):
    summary = job.summary
    assert summary["synthetic"] is True
    assert summary["breaches"] == {"never warned": 2, "signed late": 2, "expired test": 2}
    assert summary["credentials"]["proof_replayed_seen_as"] == "proof-replayed"
    assert summary["joint"]["equals_plain_sum"] is True
    assert summary["verified"]["verdict"]["ok"] is True
    assert all(summary["verified"]["caught"].values())
    assert set(summary["verified"]["caught"]) == {"one changed byte", "one removed record", "a truncated tail"}
    assert summary["promises"] == summary["receipts"] > 0
    for name, chain in summary["chain"].items():
        told = {alarm["kind"] for alarm in chain["alarms"]}
        if name == CHEATER:  # of the broker that took a record back nobody cosigns any more
            told -= {"witness-refuses"}
        assert told == {"task-refused"}  # the cheat, and nothing else
        assert chain["log"]["size"] == chain["log"]["anchored"]


def test_the_table_names_what_it_must(job):
    for words in ("records accepted", "anchors on chain", "gas per record", "complete as of block", "report.html"):
        assert words in job.printed


def test_the_planted_breach_is_a_finding_in_the_verified_bundle(job):
    codes = {finding["code"] for finding in job.summary["verified"]["verdict"]["findings"]}
    assert "SOLD_WITHOUT_WARNING" in codes  # by the offline verifier, from the bundle alone
    assert "PROMISE_LATE" not in codes
    report = json.loads((job.out / "replay.json").read_text("utf-8"))
    assert "SOLD_WITHOUT_WARNING" in json.dumps(report)


def test_signatures_before_the_rotation_still_verify(job):
    keys = {
        signature["key"]
        for entry in _bundle(job)["history"]["records"]
        for signature in entry["record"]["envelope"]["signatures"]
    }
    assert len(keys) == 2  # the client signed under the first key and, after the rotation, under the second


def test_the_bundle_is_reexecuted_offline(job):
    comparisons = job.summary["verified"]["verdict"]["re_execution"]
    assert {comparison["type"] for comparison in comparisons} == {"LEVEL_RESULT", "MATCH_OPINION"}
    assert {comparison["status"] for comparison in comparisons} == {"equal"}


def test_every_edit_of_a_bundle_is_caught_by_name(job, tmp_path):
    edits = {
        "swap": lambda records: records.insert(1, records.pop(2)),
        "first": lambda records: records.pop(0),
        "double": lambda records: records.insert(2, records[2]),
        "salt": lambda records: records[2]["record"].update(envelope_salt=records[1]["record"]["envelope_salt"]),
    }
    for name, edit in edits.items():
        bundle = _bundle(job)
        edit(bundle["history"]["records"])
        assert _verify(job, tmp_path / f"{name}.json", bundle) == 1, name


def test_a_file_that_is_no_bundle_is_exit_2(job, tmp_path):
    trust = str(job.out / "trust.json")
    for name, data in {
        "empty": b"",
        "text": b"not json",
        "other": b'{"format":"something"}',
        "deep": b"[" * 100_000,
        "binary": bytes(range(256)),
    }.items():
        file = tmp_path / name
        file.write_bytes(data)
        done = job.command("verify", str(file), "--trust", trust, "--trust-key", _regulators_key(job))
        assert done.returncode == 2, (name, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    huge = tmp_path / "huge"
    with huge.open("wb") as stream:
        stream.truncate(2 * 1024**3)  # a sparse file: refused by its size, not read
    assert job.command("verify", str(huge), "--trust", trust, "--trust-key", _regulators_key(job)).returncode == 2


def test_the_trust_file_is_one_page(job):
    assert (job.out / "trust.json").stat().st_size < 4096


def test_a_trust_file_of_another_block_or_of_nobody_s_key_proves_nothing(job, tmp_path):
    other, bundle = tmp_path / "trust.json", job.out / "bundle.json.gz"
    done = job.command("chain", "trust", "--node", str(job.home("regulator")), "--block", "9", "--out", str(other))
    assert done.returncode == 0, done.stderr
    nobodys = _member(job, "beta")["keys"]["signing"]
    for trust, key in ((other, _regulators_key(job)), (job.out / "trust.json", nobodys)):
        done = job.command("verify", str(bundle), "--trust", str(trust), "--trust-key", key)
        assert (done.returncode, "trust" in done.stdout + done.stderr) == (1, True), done.stdout + done.stderr


def test_the_other_members_checked_growth_but_the_one_that_was_down(job):
    broker = _bundle(job)["broker"].rpartition(":")[2]
    asked = {_member(job, name)["address"] for name in ("alpha", "beta", "regulator")} - {broker}
    reach = job.summary["verified"]["verdict"]["reach"]
    assert {did.rpartition(":")[2] for did in reach["witnesses"]} == asked


def test_a_record_that_was_taken_back_convicts_the_broker(job):
    assert job.summary["rollback"]["formats"]
    told = job.command("wallet", "contradictions", "--wallet", str(job.out / "wallet"))
    assert told.returncode == 1


def test_what_the_law_lets_go_is_gone_and_the_history_holds(job):
    erased = job.summary["erased"]
    assert erased["erased"] == len(erased["reach"]) > 0
    with _database(job, "alpha") as database:
        query = "SELECT count(*) FROM record WHERE payload IS NULL AND root_salt IS NULL"
        assert database.execute(query).fetchone()[0] == erased["erased"]


def test_data_uses_are_shown_to_the_client_who_took_part(job):
    with _database(job, "alpha") as database:
        rows = database.execute("SELECT count(*), count(DISTINCT pid) FROM record WHERE type = 'DATA_USE'").fetchone()
        clients = database.execute("SELECT count(DISTINCT pid) FROM task_client").fetchone()[0]
    assert rows[0] >= clients > 0


def test_a_client_who_took_part_in_the_joint_statistic_broke_no_rule(job, tmp_path):
    with _database(job, "alpha") as database:
        query = "SELECT did FROM subject JOIN task_client USING (pid) ORDER BY did LIMIT 1"
        did = database.execute(query).fetchone()[0]
    words = ("--did", did, "--case", "T-1", "--reason", "test", "--out", str(tmp_path))
    done = job.command("replay", "--node", str(job.home("alpha")), *words)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "replay.json").read_text("utf-8"))["findings"] == []
    bundle = json.loads(gzip.decompress((tmp_path / "bundle.json.gz").read_bytes()))
    assert "DATA_USE" in {entry["record"]["envelope"]["type"] for entry in bundle["history"]["records"]}


@pytest.mark.parametrize("role", ["broker-system", "compliance"])
def test_a_token_of_another_role_is_refused(job, role):
    with job.http("alpha", role) as client:
        answer = client.get("/v1/status")
    assert answer.status_code == 403
    assert answer.json()["code"] == "wrong-role"


def test_public_data_hold_nothing_of_a_client_but_dids_and_keys(job):
    public = _everything_public(job)
    client_addresses = []
    for broker in BROKERS:
        with _database(job, broker) as database:
            for pid, did in database.execute("SELECT pid, did FROM subject"):
                _absent(public, "pseudonym", bytes.fromhex(pid))
                _absent(public, "pseudonym", pid.encode())
                if did is not None:
                    client_addresses.append(bytes.fromhex(did.rpartition("0x")[2]))
            shown = "SELECT payload, root_salt FROM record WHERE payload IS NOT NULL AND root_salt IS NOT NULL"
            for payload, salt in database.execute(shown):
                _absent(public, "root salt", salt)
                for text in _texts(json.loads(payload)):
                    _absent(public, "payload field", text.encode())
    for code in RECORD_TYPES:
        _absent(public, "record type", code.encode())
    # The control: what may be there is there, so a search that finds nothing would be noticed.
    assert all(address in public for address in client_addresses)


def _everything_public(job) -> bytes:
    """Every block with its transactions and receipts, and all that the public routes give, in raw and in text form."""
    texts: list[str] = []
    tiles: list[bytes] = []
    with_rpc = job.running["rpc_url"]
    with httpx.Client(timeout=60) as client:

        def call(method: str, *parameters: Any) -> Any:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
            return client.post(with_rpc, json=request).json()["result"]

        for number in range(int(call("eth_blockNumber"), 16) + 1):
            texts.append(json.dumps(call("eth_getBlockByNumber", hex(number), True)))
            texts.append(json.dumps(call("eth_getBlockReceipts", hex(number))))
    for broker in BROKERS:
        with job.http(broker, None) as public:
            texts.append(public.get("/v1/log/checkpoint").text)
            width = min(int(texts[-1].splitlines()[1]), 256)
            for tile in ("0/000", "entries/000"):
                answer = public.get(f"/v1/log/tile/{tile}" + (f".p/{width}" if width < 256 else ""))
                assert answer.status_code == 200, answer.text
                tiles.append(answer.content)
    joined = "\n".join(texts)
    words = [word for word in joined.replace('"', " ").replace(",", " ").split() if len(word) >= 40]
    raw = []
    for word in words:
        bare = word.removeprefix("0x")
        if len(bare) % 2 == 0 and all(character in "0123456789abcdef" for character in bare):
            raw.append(bytes.fromhex(bare))
        else:
            try:
                raw.append(base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True))
            except ValueError:
                continue
    return joined.encode() + b"\n" + b"\n".join([*raw, *tiles])


def _texts(value: Any) -> list[str]:
    """Every text of a payload that is long enough to be told from chance. DIDs are allowed to be public."""
    if isinstance(value, dict):
        return [text for entry in value.values() for text in _texts(entry)]
    if isinstance(value, list):
        return [text for entry in value for text in _texts(entry)]
    if isinstance(value, str) and len(value) >= 6 and not value.startswith("did:") and value not in _PUBLIC_WORDS:
        return [value]
    return []


# What the chain is meant to show: members' accounts, consent and task ids, commitments to inputs, results. "synthetic"
# stands in the members' names.
_PUBLIC_WORDS: set[str] = {"synthetic"}


@pytest.fixture(autouse=True)
def _public_words(job):
    for broker in BROKERS:
        with _database(job, broker) as database:
            _PUBLIC_WORDS.update(row[0] for row in database.execute("SELECT consent_id FROM consent"))
            admitted = database.execute("SELECT args FROM chain_event WHERE name = 'MemberAdmitted'")
            _PUBLIC_WORDS.update(json.loads(row[0])["member"] for row in admitted)
            for task_id, commitment in database.execute("SELECT task_id, commitment FROM task"):
                _PUBLIC_WORDS.update((task_id, "" if commitment is None else commitment.hex()))
            for (payload,) in database.execute("SELECT payload FROM record WHERE type = 'DATA_USE'"):
                _PUBLIC_WORDS.add(json.loads(payload)["result_hash"])


def _absent(public: bytes, what: str, needle: bytes) -> None:
    assert needle not in public, f"the public data hold a {what}: {needle!r}"
    assert needle.hex().encode() not in public, f"the public data hold a {what} in hex: {needle!r}"


def _bundle(job) -> dict[str, Any]:
    return json.loads(gzip.decompress((job.out / "bundle.json.gz").read_bytes()))


def _verify(job, file, bundle) -> int:
    file.write_bytes(canonical_json(bundle))
    words = ("verify", str(file), "--trust", str(job.out / "trust.json"), "--trust-key", _regulators_key(job))
    return job.command(*words).returncode


def _regulators_key(job) -> str:
    return _member(job, "regulator")["keys"]["signing"]


def _member(job, name) -> dict[str, Any]:
    return json.loads((job.out / f"member-{name}.json").read_bytes())["member"]


def _database(job, broker) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{job.home(broker) / 'node.db'}?mode=ro", uri=True)
