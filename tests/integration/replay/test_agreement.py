"""Intake, the node's replay and `bonafides verify` say the same of a history, whatever happened in it."""

from __future__ import annotations

import json
import os
import random

import pytest

from bonafides.cli.main import main
from bonafides.verify import Occasion, content, page, verify
from domain.ruleset import whole_label
from evidence.version2.documents.bundle import parse_bundle, seal_bundle
from node_adapter.store import anchors, records
from node_adapter.workflows.intake.rulesets import install_ruleset, list_rulesets
from node_adapter.workflows.replay import bundle as replay_bundle
from primitives.timestamp import format_time
from replay.report_material import AS_OF_NOW
from suitability.ruleset import RuleSet
from tests.earlier_door import rated_as_earlier
from tests.world.clock import START
from tests.world.headers import over_headers
from tests.world.payloads import PAYLOADS, rating
from tests.world.replays import replay, trust_words, word_for

HISTORIES = int(os.environ.get("BONAFIDES_HISTORIES", "12"))  # `make histories` asks for ten thousand
LONG, SHORT = 25, 8  # steps: a short one is a third of the work, and a failure of it is read sooner
DAY = 86_400
PRODUCTS = ("fund-1", "fund-2")
DIGEST = "ab" * 32
TIMES = {"PROMISE_LATE", "ANCHORED_LATE"}  # the anchor's, which intake cannot know


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path)
    yield broker
    broker.store.dispose()


class Story:
    """Chance decides what a client and a broker do next; the broker keeps no rule."""

    def __init__(self, broker, seed):
        self.broker, self.chance = broker, random.Random(seed)
        self.client = broker.enrol("one")
        self.products = {name: broker.enrol_product(name) for name in PRODUCTS}
        self.refs = {"level": DIGEST, "opinion": DIGEST, "warning": DIGEST, "disclosure": DIGEST}
        self.level, self.rated = "C4", set()

    def live(self, steps):
        for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE"):
            if self.chance.random() < 0.8:
                self.broker.submit(self.client, type_, PAYLOADS[type_])
        for _ in range(steps):
            self.chance.choice(self.STEPS)(self)
            if self.chance.random() < 0.15 and self.has_more():
                self.broker.anchor()
        self.broker.submit(self.client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
        self.broker.anchor()

    def has_more(self):
        with self.broker.store.read() as connection:
            last = anchors.latest(connection)
            return records.log_size(connection) > (0 if last is None else last.size)

    def submit(self, type_, payload=None, **more):
        return self.broker.submit(self.client, type_, payload, **more)

    def act(self, type_, values, document):
        with_label = self.chance.random() < 0.5
        self.broker.act(self.client, type_, values, document, self.in_force() if with_label else None)

    def in_force(self):
        """The rule set in force as acts name it."""
        listed = list_rulesets(self.broker.node)
        [found] = [entry["document"] for entry in listed["rulesets"] if entry["label"] == listed["in_force"]]
        return whole_label(RuleSet.from_document(found))

    def product(self):
        return self.chance.choice(PRODUCTS)

    def assess(self):
        answers = {
            number: [self.chance.choice("ABC")] if len(given) == 1 else given
            for number, given in PAYLOADS["Q_SUBMIT"]["answers"].items()
        }
        self.submit("Q_SUBMIT", {**PAYLOADS["Q_SUBMIT"], "answers": answers})
        made = self.submit("LEVEL_RESULT", compute={})
        self.refs["level"], self.level = made.promise["fingerprint"], made.payload["level"]

    def confirm_level(self):
        self.act("LEVEL_CONFIRM", {"level_ref": self.refs["level"], "level": self.level}, "level-confirm@1")

    def rate(self):
        name = self.product()
        self.broker.submit(self.products[name], "PRODUCT_RATE", rating(name, self.chance.choice(["R2", "R3", "R5"])))
        self.rated.add(name)

    def opine(self):
        if self.rated:
            made = self.submit("MATCH_OPINION", compute={"product_id": self.chance.choice(sorted(self.rated))})
            self.refs["opinion"] = made.promise["fingerprint"]

    def warn(self):
        payload = {"product_id": self.product(), "opinion_ref": self.refs["opinion"], "code": "RISK_MISMATCH", "gap": 1}
        told = {"client_initiated": self.chance.random() < 0.5, "read_ms": 9000, "lang": "zh", "text_sha256": DIGEST}
        self.refs["warning"] = self.submit("MISMATCH_WARN", {**payload, **told}).promise["fingerprint"]

    def insist(self):
        named = {"opinion_ref": self.refs["opinion"], "warning_ref": self.refs["warning"], "second_confirm": True}
        self.act("MISMATCH_INSIST", {"product_id": self.product(), **named}, "mismatch-insist@1")

    def disclose(self):
        book = {"book": "book@1", "book_sha256": DIGEST, "pages": 3, "dwell_ms": 1}
        made = self.submit("RISK_DISCLOSE", {"product_id": self.product(), **book})
        self.refs["disclosure"] = made.promise["fingerprint"]

    def confirm_risk(self):
        items = {"disclosure_ref": self.refs["disclosure"], "items": ["loss"]}
        self.act("RISK_CONFIRM", {"product_id": self.product(), **items}, "risk-confirm@1")

    def buy(self):
        order = {"application_id": f"a-{self.chance.randrange(3)}", "kind": "BUY", "product_id": self.product()}
        if self.chance.random() < 0.7:
            self.submit("BIZ_APPLY", {**order, "amount_fen": 5})
        decision = {"decision": "APPROVED", "checks": [], "reviewer": "r", "reason": None}
        self.submit("BIZ_DECIDE", {**order, **decision})

    def sign(self):
        contract = {"contract_id": "c-1", "contract_version": "contract@1", "file_sha256": DIGEST}
        signers = {"signers": [self.client.did], "sign_mode": "wallet"}
        order = {"application_id": f"a-{self.chance.randrange(3)}", "product_id": self.product()}
        self.act("AGREEMENT_SIGN", {**order, **contract, **signers}, "agreement-sign@1")

    def wait(self):
        self.broker.clock.sleep(self.chance.choice([60, DAY, 40 * DAY]))

    def record_late(self):
        earlier = format_time(self.broker.clock.now_ms() - 9 * DAY * 1000)
        self.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"], occurred_at=earlier)

    def change_rules(self):
        at = self.broker.clock.now_ms() + self.chance.choice([5_000, DAY * 1000])
        packaged = self.chance.choice(["sac-bands@1", "sac-bands@2"])
        install_ruleset(self.broker.node, {"packaged": packaged, "effective_from": format_time(at)})

    STEPS = (
        assess, confirm_level, rate, opine, opine, warn, insist, disclose, confirm_risk, buy, buy, sign, wait,
        record_late, change_rules,
    )  # fmt: skip


def verified(broker, capsys, directory, bundle, *words):
    (directory / "bundle.json").write_text(bundle, "utf-8")
    trust = trust_words(broker.node, directory, bundle)
    command = ["verify", str(directory / "bundle.json"), *trust, "--json", *words]
    with pytest.raises(SystemExit) as ended:
        main(command)
    return ended.value.code, json.loads(capsys.readouterr().out)


def told(findings):
    return sorted((item["record_id"], item["code"], item["detail"]) for item in findings if item["code"] not in TIMES)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_intake_replay_and_verify_agree_on_any_history(broker, capsys, tmp_path, seed):
    story = Story(broker, seed)
    story.live(LONG if seed < 12 else SHORT)
    answer = replay(broker.node, {"did": story.client.did, "case": "1", "reason": "r"})
    report = answer["report"]
    assert report["conclusion"]["ok"], report["checks"]
    status, said = verified(broker, capsys, tmp_path, answer["bundle"], "--require-rules")
    assert status == 0
    own = {item["record_id"] for item in report["records"]}
    assert told(said["findings"]) == told(report["findings"])
    assert said["rules"] == report["rules"]
    assert said["rules"]["not_asked"] == []
    assert report["missing_findings"] == []
    assert all(item["stored"] is not False for item in report["findings"])
    with broker.store.read() as connection:
        stored = records.findings_of(connection, sorted(own))
    assert sorted((record_id, row.code, row.detail) for record_id, found in stored.items() for row in found) == told(
        report["findings"]
    )


def alike(content, own):
    """What of a report a bundle shows: not what is not anchored, noted at intake, or known to the broker alone.

    Of the broker's own keys it shows the sets, and not the changes.
    """
    noted = {"ORIGINAL_ALTERED"}
    cover = {name: value for name, value in content["cover"].items() if name in ("case", "client", "subject")}
    times = [item["occurred_at"] for item in content["records"] if item["record_id"] in own]
    return {
        **content,
        "cover": {**cover, "broker": content["cover"]["broker"]["did"], "from": min(times), "to": max(times)},
        "findings": [
            {name: value for name, value in item.items() if name != "stored"}
            for item in content["findings"]
            if item["code"] not in noted
        ],
        "missing_findings": None,
        "records": [
            {name: value for name, value in item.items() if name != "anchor_by"}
            for item in content["records"]
            if item["record_id"] in own
        ],
        "access_log": [item for item in content["access_log"] if item["anchored"]],
        "not_checked": [item for item in content["not_checked"] if item["check"] != AS_OF_NOW],
        "keys": [item for item in content["keys"] if item["contract"] == "DidRegistry"],
        "notes": None,
    }


@pytest.mark.parametrize("seed", [3, 5])
def test_whoever_has_bundle_and_trust_file_makes_the_report_that_the_node_made(broker, seed):
    story = Story(broker, seed)
    story.live(25)
    replay(broker.node, {"did": story.client.did, "case": "1", "reason": "an earlier look, which is then anchored"})
    broker.anchor()
    answer = replay(broker.node, {"did": story.client.did, "case": "1", "reason": "r", "lang": "en"})
    rulesets = [RuleSet.from_document(entry["document"]) for entry in list_rulesets(broker.node)["rulesets"]]
    said = word_for(broker.node, answer["bundle"])
    found = verify(answer["bundle"].encode(), said.file, trust_keys=[said.key], rulesets=rulesets)
    occasion = Occasion(case="1", lang="en", made_at=answer["report"]["cover"]["made_at"])
    made = content(found, occasion)
    own = {item["record_id"] for item in made["records"]}
    assert alike(made, own) == alike(answer["report"], own)
    assert made["access_log"], "the earlier look is not there"
    assert set(answer["report"]["notes"]) == set(made["notes"])
    assert "not known" in page(found, occasion)


def honest_sale(broker, product=None):
    """A history under a rule set that nobody packaged, with acts that name no rule set."""
    product, client = product or broker.enrol_product("fund-1"), broker.enrol("one")
    broker.rate(product, "R2")
    broker.assess(client)
    broker.submit(client, "MATCH_OPINION", compute={"product_id": "fund-1"})
    broker.submit(
        client,
        "RISK_DISCLOSE",
        {"product_id": "fund-1", "book": "book@1", "book_sha256": DIGEST, "pages": 3, "dwell_ms": 1},
    )
    broker.act(
        client, "RISK_CONFIRM", {"product_id": "fund-1", "disclosure_ref": DIGEST, "items": ["a"]}, "risk-confirm@1"
    )
    buy = {"application_id": "a-1", "kind": "BUY", "product_id": "fund-1"}
    broker.submit(client, "BIZ_APPLY", {**buy, "amount_fen": 5})
    broker.submit(client, "BIZ_DECIDE", {**buy, "decision": "APPROVED", "checks": [], "reviewer": "r", "reason": None})
    broker.anchor()
    return client


def test_an_act_that_names_no_rule_set_is_no_gap_and_makes_no_false_finding(broker, capsys, tmp_path):
    client = honest_sale(broker)
    answer = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    assert answer["report"]["findings"] == []
    status, said = verified(broker, capsys, tmp_path, answer["bundle"], "--require-rules")
    assert (status, said["findings"], said["rules"]["not_asked"]) == (0, [], [])


def findings_of(broker, client, capsys, directory):
    """The codes that the node's replay and the verifier both find."""
    answer = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    said = verified(broker, capsys, directory, answer["bundle"], "--require-rules")[1]
    assert said["rules"]["not_asked"] == []
    codes = [entry["code"] for entry in said["findings"]]
    assert codes == [entry["code"] for entry in answer["report"]["findings"]]
    return codes


def agree(broker, client, product_id):
    contract = {"contract_id": "c-1", "contract_version": "contract@1", "file_sha256": DIGEST, "sign_mode": "wallet"}
    values = {"application_id": "a-1", "product_id": product_id, **contract, "signers": [client.did]}
    broker.act(client, "AGREEMENT_SIGN", values, "agreement-sign@1")


def test_an_agreement_on_another_product_and_a_second_one_are_found_from_the_bundle(broker, capsys, tmp_path):
    client = honest_sale(broker)
    agree(broker, client, "structured-R5")
    agree(broker, client, "fund-1")
    broker.anchor()
    assert findings_of(broker, client, capsys, tmp_path) == ["OTHER_BUSINESS", "SIGNED_AGAIN"]


def test_a_product_whose_rating_may_be_one_of_several_is_named_from_the_bundle(broker, capsys, tmp_path, monkeypatch):
    """Its pseudonym is none that a verifier derives: another one, with another rating, could be left out."""
    with rated_as_earlier(monkeypatch):
        client = honest_sale(broker, broker.enrol_product("a-pseudonym-of-the-brokers-choice"))
    assert findings_of(broker, client, capsys, tmp_path) == ["RATING_NOT_DERIVED", "RATING_NOT_DERIVED"]
    answer = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    assert answer["report"]["missing_findings"] == []
    assert all(item["stored"] for item in answer["report"]["findings"]), "the node did not say so at intake"


def test_a_rating_under_an_old_pseudonym_hides_nothing_once_the_product_is_rated_in_its_place(
    broker, capsys, tmp_path, monkeypatch
):
    """The old one took effect later. Node and verifier pass over it alike, so that it makes nothing to leave it out."""
    old, product, client = broker.enrol_product("old"), broker.enrol_product("fund-1"), broker.enrol("one")
    dated = {days: format_time(broker.clock.now_ms() - days * 86_400_000) for days in (1, 30)}
    with rated_as_earlier(monkeypatch):
        broker.submit(old, "PRODUCT_RATE", {**rating(risk="R5"), "effective_from": dated[1]})
    placed = broker.submit(product, "PRODUCT_RATE", {**rating(risk="R1"), "effective_from": dated[30]})
    broker.assess(client)
    opinion = broker.submit(client, "MATCH_OPINION", compute={"product_id": "fund-1"})
    assert (opinion.payload["rating_ref"], opinion.findings) == (placed.fingerprint, ())
    order = {"application_id": "a-1", "kind": "BUY", "product_id": "fund-1", "amount_fen": 1}
    assert broker.submit(client, "BIZ_APPLY", order).findings == ()
    broker.anchor()
    assert findings_of(broker, client, capsys, tmp_path) == []
    references = replay_bundle._references
    monkeypatch.setattr(
        replay_bundle, "_references", lambda *args: [each for each in references(*args) if each[0] != old.subject]
    )
    assert findings_of(broker, client, capsys, tmp_path) == []


def test_a_product_sold_as_an_opening_is_found_from_the_bundle(broker, capsys, tmp_path):
    client = broker.enrol("one")
    broker.assess(client)
    order = {"application_id": "a-1", "kind": "OPEN", "product_id": "structured-R5"}
    broker.submit(client, "BIZ_APPLY", {**order, "amount_fen": 5})
    decision = {"decision": "APPROVED", "checks": [], "reviewer": "r", "reason": None}
    broker.submit(client, "BIZ_DECIDE", {**order, **decision})
    agree(broker, client, "structured-R5")
    broker.anchor()
    assert findings_of(broker, client, capsys, tmp_path) == ["NO_OPINION"]


def test_of_two_ratings_from_one_instant_an_opinion_rests_on_the_last_recorded(broker, capsys, tmp_path):
    product, client = broker.enrol_product("fund-1"), broker.enrol("one")
    broker.rate(product, "R1")
    broker.assess(client)
    broker.rate(product, "R5")
    made = broker.submit(client, "MATCH_OPINION", compute={"product_id": "fund-1"})
    assert (made.payload["product"]["risk"], made.payload["code"]) == ("R5", "RISK_MISMATCH")
    broker.anchor()
    assert findings_of(broker, client, capsys, tmp_path) == []


def test_a_bundle_without_its_rule_sets_says_that_no_rule_was_asked(broker, capsys, tmp_path):
    install_ruleset(broker.node, {"packaged": "sac-bands@1", "effective_from": format_time(START + 120_000)})
    broker.clock.sleep(600)
    client = honest_sale(broker)
    answer = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    body = parse_bundle(answer["bundle"].encode()).body()
    assert body["rulesets"] != []
    bare = seal_bundle({**body, "rulesets": []}, broker.keys.newest.signing_seed).decode()
    status, said = verified(broker, capsys, tmp_path, bare)
    assert (status, said["rules"]["asked"]) == (0, 0)
    assert all("is not at hand" in entry["reason"] for entry in said["rules"]["not_asked"])
    assert verified(broker, capsys, tmp_path, bare, "--require-rules")[0] == 1
    (tmp_path / "rulesets.json").write_text(json.dumps(list_rulesets(broker.node)), encoding="utf-8")
    status, said = verified(
        broker, capsys, tmp_path, bare, "--require-rules", "--rulesets", str(tmp_path / "rulesets.json")
    )
    assert (status, said["rules"]["not_asked"]) == (0, [])
