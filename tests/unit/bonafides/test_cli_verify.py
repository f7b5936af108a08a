"""`bonafides verify` around the verification: what it prints, its exit status, and the re-execution."""

import json
from dataclasses import replace

import pytest

from bonafides.cli.main import main
from evidence.documents.staff_signature import StaffKey
from evidence.verify.verdict import CHECKS, Check, EvidenceFinding, SecondPersons, VerificationReport, VerifiedRecord
from primitives.digest import tagged_sha256
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.packed import pack
from primitives.timestamp import format_time
from replay import formats as module
from scripts.vectors.synthetic_chain import example_world
from suitability.engine import level_result
from suitability.records import RECORD_TYPES, STAFF_ACTS
from suitability.ruleset import packaged_rulesets

NOW = 1_795_000_000_000
SUBJECT = "5a" * 32
RULES = packaged_rulesets()["sac-bands@1"]
ANSWERS = {
    "form": "individual-20@1",
    "answers": {f"Q{number}": ["B"] for number in range(1, 21)},
    "screen": {"age": 40, "incapacity": False, "no_loss": None},
    "duration_ms": 100_000,
    "declaration": True,
}


def fingerprint(name):
    return tagged_sha256("test fingerprint", name.encode()).hex()


def record(seq, type_, payload, ruleset=None):
    return VerifiedRecord(
        subject=SUBJECT,
        seq=seq,
        record_id=f"r-{seq}",
        type=type_,
        occurred_at=format_time(NOW),
        recorded_at=format_time(NOW),
        fingerprint=fingerprint(type_),
        log_index=seq - 1,
        anchor_seq=1,
        anchor_block=9,
        anchored_at=NOW,
        accepted_at=NOW,
        anchor_by=NOW,
        envelope={
            "type": type_,
            "schema": "1",
            "occurred_at": format_time(NOW),
            "recorded_at": format_time(NOW),
            "channel": "app",
            "ruleset": ruleset,
            "broker": "did:ethr:0x7:0x" + "b1" * 20,
            "fields": dict.fromkeys(payload, "00"),
        },
        values=payload,
    )


def level(**changes):
    made = level_result(RULES, ANSWERS, answers_ref=fingerprint("Q_SUBMIT"), at_ms=NOW)
    return {**made, **changes}


PERSON = StaffKey("5b" * 32, "Li Wei", "committee", "2027-11-21T00:00:00.000+08:00", "cd" * 32, 1, "ef" * 32, 1)


def report(*records, broken=None):
    return VerificationReport(
        checks=tuple(Check(name, name != broken, "as it should be" if name != broken else "not so") for name in CHECKS),
        chain_id=7,
        broker="did:ethr:0x7:0x" + "b1" * 20,
        subject=SUBJECT,
        client=None,
        case="2026-1",
        complete_as_of_block=9,
        complete_as_of_time=format_time(NOW),
        pending=0,
        records=records,
        findings=(EvidenceFinding("PROMISE_LATE", "r-1", "late"),),
        notes=("a note",),
        second_persons=(
            SecondPersons(SUBJECT, 4, "r-4", "BIZ_DECIDE", (), "nobody-signed"),
            SecondPersons("ab" * 32, 1, "r-5", "PRODUCT_RATE", (PERSON,)),
        ),
    )


@pytest.fixture
def verify(capsys, monkeypatch, tmp_path):
    client_acts = {code for code, entry in RECORD_TYPES.items() if entry.signer == "client"}

    def call(outcome, *words):
        def stand_in(_bundle, _trust, *, signing, at_least_block, promises, **_more):
            assert (signing.client_acts, signing.second_persons) == (client_acts, STAFF_ACTS)
            call.at_least = at_least_block
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(module, "verify_bundle_1", stand_in)
        for name in ("bundle", "trust"):
            (tmp_path / name).write_bytes(b"{}")
        with pytest.raises(SystemExit) as ended:
            main(["verify", str(tmp_path / "bundle"), "--trust", str(tmp_path / "trust"), *words])
        written = capsys.readouterr()
        return ended.value.code, written.out, written.err

    return call


def test_the_history_of_another_client_is_refused_where_one_is_expected(verify):
    client = "did:ethr:0x7:0x" + "c1" * 20
    shown = replace(report(), client=client)
    for expected in (client, SUBJECT):
        assert verify(shown, "--subject", expected)[0] == 0
    for slip in ("None", "did:ethr:0x7", client.upper()):
        status, _, error = verify(shown, "--subject", slip)
        assert (status, "subject" in error) == (2, True)
    for expected in ("did:ethr:0x7:0x" + "c2" * 20, "5b" * 32):
        status, _, error = verify(shown, "--subject", expected)
        assert (status, expected in error) == (1, True)
    assert verify(report(), "--subject", client)[0] == 1


def test_all_checks_hold_and_findings_are_content(verify):
    status, text, _ = verify(report(), "--at-least-block", "9")
    lines = text.splitlines()
    assert status == 0
    assert [line.split()[1].rstrip(":") for line in lines[: len(CHECKS)]] == list(CHECKS)
    assert "finding PROMISE_LATE r-1: late" in lines
    assert "second person of record 4 BIZ_DECIDE: nobody signed, the broker's word alone" in lines
    signed = f"second person of record 1 of abababab PRODUCT_RATE: Li Wei, committee, key {PERSON.key[:16]}"
    assert signed in lines
    assert lines[-1].startswith("complete as of block 9")


def test_a_failed_check_is_named_and_ends_with_1(verify):
    status, text, _ = verify(report(broken="inclusion"))
    assert status == 1
    assert "FAILED inclusion: not so" in text.splitlines()
    assert text.splitlines()[-1] == "failed: inclusion"


def test_what_could_not_be_checked_ends_with_2(verify):
    status, text, errors = verify(CouldNotCheck("trust-too-short", "the trust file ends before block 9"))
    assert (status, text) == (2, "")
    assert errors == "error: trust-too-short the trust file ends before block 9\n"


def re_execution(verify, *records, words=()):
    status, text, _ = verify(report(*records), "--json", *words)
    assert status == 0
    return [(entry["type"], entry["status"]) for entry in json.loads(text)["re_execution"]]


def test_an_honest_score_is_executed_again(verify):
    records = (record(1, "Q_SUBMIT", ANSWERS), record(2, "LEVEL_RESULT", level(), RULES.label))
    assert re_execution(verify, *records) == [("LEVEL_RESULT", "equal")]


def test_a_score_that_was_altered_before_it_was_anchored_is_found(verify):
    records = (record(1, "Q_SUBMIT", ANSWERS), record(2, "LEVEL_RESULT", level(total=99), RULES.label))
    assert re_execution(verify, *records) == [("LEVEL_RESULT", "differs")]
    _, text, _ = verify(report(*records))
    assert "differs re-execution of LEVEL_RESULT: differs in total" in text


def test_every_rule_is_asked_again_of_a_history_that_is_shown_whole(verify):
    early = record(1, "Q_SUBMIT", ANSWERS, RULES.label)
    status, text, _ = verify(report(early), "--json")
    assert status == 0  # a breach is content, not a failure
    codes = {entry["code"] for entry in json.loads(text)["findings"]}
    assert codes == {"PROMISE_LATE", "NOT_IDENTIFIED", "NOT_INFORMED"}
    early.envelope["fields"]["more"] = "00"  # redacted: what it would have changed is unknown
    _, text, _ = verify(report(early), "--json")
    shown = json.loads(text)
    assert {entry["code"] for entry in shown["findings"]} == {"PROMISE_LATE"}
    [entry] = shown["rules"]["not_asked"]
    assert entry == {"seq": 1, "record_id": "r-1", "type": "Q_SUBMIT", "reason": "it is not shown whole"}


def test_the_last_line_says_of_how_many_records_the_rules_were_asked(verify):
    whole, redacted = record(1, "Q_SUBMIT", ANSWERS, RULES.label), record(2, "Q_SUBMIT", ANSWERS, RULES.label)
    status, text, _ = verify(report(whole), "--require-rules")
    assert status == 0
    assert text.splitlines()[-1].endswith("; rules asked of 1 of 1 records")
    redacted.envelope["fields"]["more"] = "00"
    assert verify(report(whole, redacted))[0] == 0
    status, text, _ = verify(report(whole, redacted), "--require-rules")
    assert status == 1
    assert text.splitlines()[-1].endswith("; rules asked of 1 of 2 records")
    assert "rules not asked of record 2 (Q_SUBMIT): it is not shown whole" in text.splitlines()


def test_a_rule_set_is_taken_from_the_product_or_from_a_file_or_not_at_all(verify, tmp_path):
    later = RULES.effective(RULES.effective_from + 1000)
    made = level_result(later, ANSWERS, answers_ref=fingerprint("Q_SUBMIT"), at_ms=NOW)
    records = (record(1, "Q_SUBMIT", ANSWERS), record(2, "LEVEL_RESULT", made, later.label))
    assert re_execution(verify, *records) == [("LEVEL_RESULT", "not-checked")]
    file = tmp_path / "rulesets.json"
    for content in ({"rulesets": [{"document": later.document}]}, [later.document], later.document):
        file.write_text(json.dumps(content), encoding="utf-8")
        assert re_execution(verify, *records, words=("--rulesets", str(file))) == [("LEVEL_RESULT", "equal")]
    file.write_text("[5]", encoding="utf-8")
    assert verify(report(), "--rulesets", str(file))[0] == 2


def test_a_redacted_record_is_not_executed_again_and_a_strange_one_is_told(verify):
    redacted = record(1, "Q_SUBMIT", ANSWERS)
    redacted.envelope["fields"]["more"] = "00"
    result = record(2, "LEVEL_RESULT", level(), RULES.label)
    assert re_execution(verify, redacted, result) == [("LEVEL_RESULT", "not-checked")]
    strange = record(3, "LEVEL_RESULT", {"total": "many"}, RULES.label)
    status, text, _ = verify(report(strange), "--json")
    assert status == 0
    [entry] = json.loads(text)["rules"]["not_asked"]
    assert (entry["record_id"], entry["reason"].split(":")[0]) == ("r-3", "its payload is malformed")


HIDDEN = "\x1b[2J\x1b[1A\x9b8m\u202e\r\ncomplete as of block 99"


def test_a_bundle_cannot_write_to_the_terminal(verify):
    """What the bundle's maker named a field must not hide the verdict, or forge one."""
    made = report(broken="fingerprint")
    checks = [replace(check, detail=HIDDEN) if check.name == "fingerprint" else check for check in made.checks]
    status, text, _ = verify(replace(made, checks=tuple(checks), notes=(HIDDEN,)))
    assert status == 1
    assert all(character.isprintable() or character == "\n" for character in text)
    assert not any(line.startswith("complete") for line in text.splitlines())
    assert text.splitlines()[-1] == "failed: fingerprint"
    _, text, _ = verify(replace(made, case=HIDDEN, notes=("\x7f\U000e0001",)), "--json")
    assert all(character.isprintable() or character == "\n" for character in text)
    assert (json.loads(text)["case"], json.loads(text)["notes"]) == (HIDDEN, ["\x7f\U000e0001"])
    status, _, errors = verify(InvalidInput(f"bundle.{HIDDEN}", "unknown-member", "is not a member of this format"))
    assert status == 2
    assert errors.rstrip("\n").isprintable()


def test_promises_that_somebody_holds_are_read_and_asked_for(capsys, tmp_path):
    world = example_world()
    (tmp_path / "bundle.json").write_bytes(world.seal(world.bundle().body()))
    (tmp_path / "trust.json").write_bytes(world.trust())
    held = tmp_path / "promises.ndjson"

    def verified(*rows):
        held.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        words = [str(tmp_path / "bundle.json"), "--trust", str(tmp_path / "trust.json"), "--promises", str(held)]
        with pytest.raises(SystemExit) as ended:
            main(["verify", *words])
        return ended.value.code, capsys.readouterr()

    one, two, *_ = (dict(accepted.promise) for accepted in world.records[world.subject])
    status, told = verified(one, {"promise": two, "findings": []}, {"status": "refused", "problem": {}})
    assert status == 0
    assert "ok     held-promises: 2 held: 2 shown" in told.out.splitlines()
    sealed = world.records[world.subject][0].sealed
    status, told = verified(one, world.promise(sealed, 0, 1_795_000_000_000))
    assert status == 1
    assert told.out.splitlines()[-1] == "failed: held-promises"
    status, told = verified(one, {"promise": 5})
    assert (status, told.err.split()[:3]) == (2, ["error:", "invalid-input", "promises[1]"])


def test_a_long_bundle_is_refused_unread_unless_asked_for(capsys, tmp_path):
    long, trust = tmp_path / "bundle.json", tmp_path / "trust.json"
    long.write_bytes(b" " * (2 * 1024 * 1024))
    trust.write_bytes(b"{}")

    def verified(*words):
        with pytest.raises(SystemExit) as ended:
            main(["verify", str(long), "--trust", str(trust), *words])
        return ended.value.code, capsys.readouterr().err

    assert verified("--max-mib", "1") == (
        2, "error: invalid-input bundle max-bytes is longer than 1 MiB; --max-mib takes a longer one\n",
    )  # fmt: skip
    assert "max-bytes" not in verified("--max-mib", "2")[1]
    assert "max-bytes" not in verified()[1]
    assert verified("--max-mib", "65")[0] == 2  # the format ends at 64


def test_every_file_may_be_packed_and_a_bomb_is_refused_by_what_it_unpacks_to(capsys, tmp_path):
    world = example_world()
    bundle, trust = world.seal(world.bundle().body()), world.trust()
    one, two, *_ = (accepted.promise for accepted in world.records[world.subject])
    rows = b"".join(json.dumps({"promise": dict(promise)}).encode() + b"\n" for promise in (one, two))
    names = ("bundle.json.gz", "trust.json.gz", "promises.ndjson.gz")

    def verified(bundle, trust, rows, *words):
        for name, data in zip(names, (bundle, trust, rows), strict=True):
            (tmp_path / name).write_bytes(data)
        given = dict(zip(("", "--trust", "--promises"), (str(tmp_path / name) for name in names), strict=True))
        with pytest.raises(SystemExit) as ended:
            main(["verify", given.pop(""), *(word for pair in given.items() for word in pair), *words])
        return ended.value.code, capsys.readouterr()

    status, plain = verified(bundle, trust, rows)
    assert status == 0
    assert "held-promises: 2 held" in plain.out
    assert verified(pack(bundle), pack(trust), pack(rows)) == (0, plain)
    bomb = pack(b" " * (2 << 20))
    for given, words in (
        ((bomb, trust, rows), "bundle max-bytes unpacks to more than 1048576 bytes; --max-mib takes a longer one"),
        ((pack(bundle)[:-1], trust, rows), "bundle gzip is no whole gzip stream: it ends too early"),
        ((pack(bundle) + b"x", trust, rows), "bundle gzip is more than one gzip stream: something follows it"),
        ((bundle, pack(trust)[:20], rows), "trust gzip is no whole gzip stream: it ends too early"),
        ((bundle, trust, pack(rows)[:-4]), "line 3 gzip is of no whole gzip stream: "),
        ((bundle, trust, pack(b" " * (9 << 20))), "line 1 max-bytes is longer than 8388608 bytes"),
    ):
        status, told = verified(*given, "--max-mib", "1")
        assert (status, told.out) == (2, "")
        assert told.err.startswith(f"error: invalid-input {words}")


def test_an_older_bundle_says_so_in_the_verdict(capsys, tmp_path):
    world = example_world()
    (tmp_path / "bundle.json").write_bytes(world.seal(world.bundle(anchors=2).body()))
    (tmp_path / "trust.json").write_bytes(world.trust())
    words = ["verify", str(tmp_path / "bundle.json"), "--trust", str(tmp_path / "trust.json")]
    with pytest.raises(SystemExit) as ended:
        main(words)
    last, block = capsys.readouterr().out.splitlines()[-1], world.anchors[1].block
    assert ended.value.code == 0
    assert last.startswith(f"complete as of block {block} (2026-")
    assert f"; not the newest: the broker may have anchored again in block {world.anchors[2].block}; rules" in last
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["complete_as_of"]["block"], told["anchored_since"]) == (block, world.anchors[2].block)


def test_the_report_as_json_names_the_second_persons(verify):
    _, text, _ = verify(report(), "--json")
    alone, signed = json.loads(text)["second_persons"]
    assert (alone["persons"], alone["missing"]) == ([], "nobody-signed")
    assert signed["persons"] == [{"name": "Li Wei", "role": "committee", "key": PERSON.key}]


def test_the_page_is_written_where_all_checks_hold_and_nowhere_else(capsys, tmp_path):
    world = example_world()
    page = tmp_path / "report.html"
    (tmp_path / "trust.json").write_bytes(world.trust())

    def verified(body, *words):
        (tmp_path / "bundle.json").write_bytes(world.seal(body))
        words = ["verify", str(tmp_path / "bundle.json"), "--trust", str(tmp_path / "trust.json"), *words]
        with pytest.raises(SystemExit) as ended:
            main([*words, "--page", str(page)])
        return ended.value.code, capsys.readouterr()

    body = world.bundle().body()
    assert verified({**body, "case": "another"}, "--at-least-block", "10000")[0] == 1
    assert not page.exists()
    assert verified(body, "--lang", "en")[0] == 0
    shown = page.read_text(encoding="utf-8")
    assert "Made from a bundle and a trust file alone" in shown
    assert "SYNTHETIC" in shown.upper()
    assert "LEVEL_CONFIRM" not in shown, "a type is left without words"
    assert page.stat().st_mode & 0o777 == 0o600
    page = tmp_path / "missing" / "report.html"
    status, told = verified(body)
    assert (status, "file-unwritable" in told.err) == (2, True)


def test_a_page_that_is_not_written_is_told_and_nothing_that_is_read_is_written_over(capsys, tmp_path):
    world = example_world()
    bundle, trust, page = (tmp_path / name for name in ("bundle.json", "trust.json", "report.html"))
    bundle.write_bytes(world.seal(world.bundle().body()))
    trust.write_bytes(world.trust())

    def verified(*words):
        with pytest.raises(SystemExit) as ended:
            main(["verify", str(bundle), "--trust", str(trust), *words])
        return ended.value.code, capsys.readouterr().err

    status, error = verified("--page", str(page), "--at-least-block", "10000")
    assert (status, page.exists()) == (1, False)
    assert f"no page was written to {page}" in error
    (tmp_path / "link").symlink_to(bundle)
    for read in (bundle, trust, tmp_path / "link"):
        before = read.read_bytes()
        status, error = verified("--page", str(read))
        assert (status, error.split()[:3]) == (2, ["error:", "invalid-input", "page"])
        assert read.read_bytes() == before
