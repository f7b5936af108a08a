"""A product that does not match: the broker's warning, and the client's insistence."""

from __future__ import annotations

from collections.abc import Iterator

from domain.finding import Code, Finding
from domain.record_type import SHOWN_TEXT, RecordType
from domain.words import Words
from primitives.shapes import Boolean, Integer, OneOf
from suitability.act import Act
from suitability.rules.identity import not_ended
from suitability.rules.product import HANDLED_BEFORE, has_opinion, late, made_up_for, opinion_of
from suitability.shapes import CODE, DIGEST, MILLISECONDS
from suitability.subject import SubjectState, fold_step, happened
from suitability.vocabulary import MIN_LEVEL, MISMATCHES

CODES = {
    "PROMOTED_MISMATCH": Code(
        Words("主动推介不匹配产品", "mismatch promoted"), "a product that does not match was promoted"
    ),
    "WARNED_LATE": Code(Words("事后补警示", "warned late"), "the warning came after handling", proves="NOT_WARNED"),
    "INSISTED_WITHOUT_WARNING": Code(
        Words("未警示即坚持", "insisted without warning"),
        "the client insisted, and no warning came before",
        proves="NOT_WARNED",
    ),
    "MIN_CLASS_INSISTED": Code(
        Words("最低类别客户坚持", "minimum class insisted"), "a client of the minimum class insisted"
    ),
    "NOT_ADMITTED": Code(Words("不符合准入", "not admitted"), "a client who is not admitted insisted"),
    "GAP_TOO_WIDE": Code(
        Words("级差过大", "gap too wide"), "the client insisted over more levels than the rule set allows"
    ),
    "TOO_OLD_TO_INSIST": Code(
        Words("超龄坚持", "too old to insist"), "the client insisted at an age from which the rule set stops it"
    ),
}


def _warn(state: SubjectState, act: Act) -> Iterator[Finding]:
    yield from has_opinion(state, act)
    if act.details.get("client_initiated") is False:
        yield Finding("PROMOTED_MISMATCH", "warning.client-initiated", "a product that does not match was promoted")
    if made_up_for(state, act, "warned"):
        yield Finding("WARNED_LATE", *HANDLED_BEFORE)


def _insist(state: SubjectState, act: Act) -> Iterator[Finding]:
    yield from has_opinion(state, act)
    given, product_id = opinion_of(state, act), act.product_id
    if given is None or product_id is None:
        return
    if not happened(state.track(product_id).warned, act.at, given.at):
        yield Finding("INSISTED_WITHOUT_WARNING", "warning.before-insistence", "no warning came before")
    level = state.level_at(act.at)
    if given.code == "FORBIDDEN_MIN" or (level is not None and level.name == MIN_LEVEL):
        yield Finding("MIN_CLASS_INSISTED", "min-class.no-insistence", "the minimum class cannot insist")
    if given.code == "NOT_ADMITTED":
        yield Finding("NOT_ADMITTED", "admission", "who is not admitted cannot insist")
    if act.ruleset.max_gap is not None and given.payload["gap"] >= act.ruleset.max_gap:
        yield Finding("GAP_TOO_WIDE", "mismatch.max-gap", f"the gap is {given.payload['gap']} levels")
    age = 0 if state.newest is None else state.submissions.known(state.newest).payload["screen"]["age"]
    if act.ruleset.max_age is not None and age >= act.ruleset.max_age:
        yield Finding("TOO_OLD_TO_INSIST", "mismatch.max-age", "the broker stops insistence at this age")
    if made_up_for(state, act, "insisted"):
        yield late(*HANDLED_BEFORE)


_MISMATCH_WARNING_1 = {
    "format": "bonafides.document/1",
    "id": "mismatch-warning",
    "version": "1",
    "type": "MISMATCH_WARN",
    "values": ["broker", "product", "risk", "level", "code", "gap"],
    "text": {
        "zh": [
            "特别风险警示书",
            "证券公司：{broker}",
            "产品 {product}（风险等级 {risk}）与您的风险承受能力等级 {level} 不匹配，适当性意见为 {code}，相差 "
            "{gap} 级。",
            "本公司不向您主动推介该产品。继续购买，您可能遭受超出自身承受能力的损失。",
            "请您慎重考虑；您可以随时停止。",
        ],
        "en": [
            "Special risk warning",
            "Broker: {broker}",
            "Product {product} (risk level {risk}) does not match your level {level}: the opinion is {code}, with "
            "a gap of {gap}.",
            "We do not recommend this product to you. If you go on, you may suffer a loss beyond what you can bear.",
            "Please consider this with care. You may stop at any time.",
        ],
    },
}
_MISMATCH_INSIST_1 = {
    "format": "bonafides.document/1",
    "id": "mismatch-insist",
    "version": "1",
    "type": "MISMATCH_INSIST",
    "values": ["broker", "product", "risk", "level", "code", "gap"],
    "text": {
        "zh": [
            "特别风险警示确认书",
            "证券公司：{broker}",
            "本人已收到并阅读《特别风险警示书》：产品 {product}（风险等级 {risk}）与本人等级 {level} 不匹配（"
            "{code}，相差 {gap} 级）。",
            "是本人主动要求购买该产品；证券公司没有主动推介。",
            "经再次确认，本人坚持购买，并愿意自行承担由此可能产生的损失。",
        ],
        "en": [
            "Confirmation after a special risk warning",
            "Broker: {broker}",
            "I have received and read the special risk warning: product {product} (risk level {risk}) does not "
            "match my level {level} ({code}, gap {gap}).",
            "I asked for this product on my own initiative; the broker did not recommend it.",
            "Having been asked once more, I insist, and I bear the loss that may follow.",
        ],
    },
}

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "MISMATCH_WARN",
        Words("不匹配警示", "Warning of a mismatch"),
        "product_id, opinion_ref ref, code (a mismatch), gap, client_initiated, read_ms, lang, text_sha256",
        {
            "product_id": CODE,
            "opinion_ref": DIGEST,
            "code": OneOf(*MISMATCHES),
            "gap": Integer(0, 10),
            "client_initiated": Boolean(),
            "read_ms": MILLISECONDS,
            **SHOWN_TEXT,
        },
        rules=(not_ended, _warn),
        fold=fold_step("warned"),
        stage="risk",
        texts=(_MISMATCH_WARNING_1,),
    ),
    RecordType(
        "MISMATCH_INSIST",
        Words("客户坚持办理", "Client insisted"),
        "product_id, opinion_ref, warning_ref ref, second_confirm",
        {"product_id": CODE, "opinion_ref": DIGEST, "warning_ref": DIGEST, "second_confirm": Boolean()},
        signer="client",
        rules=(not_ended, _insist),
        fold=fold_step("insisted"),
        stage="risk",
        texts=(_MISMATCH_INSIST_1,),
    ),
)
