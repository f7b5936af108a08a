"""The risks of a product: disclosed by the broker, confirmed by the client."""

from __future__ import annotations

from collections.abc import Iterator

from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.words import Words
from primitives.shapes import Integer, ListOf
from suitability.act import Act
from suitability.rules.identity import not_ended
from suitability.rules.product import HANDLED_BEFORE, has_opinion, late, made_up_for, opinion_of, rating_of
from suitability.shapes import CODE, DIGEST, MILLISECONDS, VERSIONED
from suitability.subject import SubjectState, fold_step, happened
from suitability.vocabulary import MISMATCHES

CODES = {
    "MISMATCH_UNRESOLVED": Code(
        Words("不匹配未处理", "mismatch unresolved"), "risks were disclosed before the client insisted on a mismatch"
    ),
    "NOT_DISCLOSED": Code(
        Words("未揭示风险", "risks not disclosed"),
        "risks were confirmed without a disclosure under the rating in force",
        proves="NOT_CONFIRMED",
    ),
}


def _disclose(state: SubjectState, act: Act) -> Iterator[Finding]:
    yield from has_opinion(state, act)
    given, product_id = opinion_of(state, act), act.product_id
    if given is None or product_id is None or given.code not in MISMATCHES:
        return
    if not happened(state.track(product_id).insisted, act.at, given.at):
        yield Finding("MISMATCH_UNRESOLVED", "disclosure.after-insistence", "a mismatch was not insisted on before")


def _confirm(state: SubjectState, act: Act) -> Iterator[Finding]:
    if act.product_id is None:
        return
    rating = rating_of(act)
    since = 0 if rating is None else rating.effective_from
    if not happened(state.track(act.product_id).disclosed, act.at, since):
        yield Finding("NOT_DISCLOSED", "disclosure.before-confirmation", "no disclosure under the rating in force")
    if made_up_for(state, act, "confirmed"):
        yield late(*HANDLED_BEFORE)


_RISK_CONFIRM_1 = {
    "format": "bonafides.document/1",
    "id": "risk-confirm",
    "version": "1",
    "type": "RISK_CONFIRM",
    "values": ["broker", "product", "risk", "book"],
    "text": {
        "zh": [
            "风险揭示确认书",
            "证券公司：{broker}",
            "本人已逐项阅读产品 {product}（风险等级 {risk}）的风险揭示书 {book}，并逐项勾选确认。",
            "本人理解该产品可能发生的损失，以及流动性、估值和期限方面的限制。",
        ],
        "en": [
            "Confirmation of risk disclosure",
            "Broker: {broker}",
            "I have read the risk disclosure {book} of product {product} (risk level {risk}) and ticked each item.",
            "I understand the losses that it may bring, and its limits in liquidity, valuation and term.",
        ],
    },
}

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "RISK_DISCLOSE",
        Words("风险揭示", "Risks disclosed"),
        "product_id, book id@version, book_sha256 hex32, pages, dwell_ms",
        {
            "product_id": CODE,
            "book": VERSIONED,
            "book_sha256": DIGEST,
            "pages": Integer(1, 10_000),
            "dwell_ms": MILLISECONDS,
        },
        rules=(not_ended, _disclose),
        fold=fold_step("disclosed"),
        stage="risk",
    ),
    RecordType(
        "RISK_CONFIRM",
        Words("客户确认风险", "Risks confirmed by the client"),
        "product_id, disclosure_ref ref, items [code]",
        {"product_id": CODE, "disclosure_ref": DIGEST, "items": ListOf(CODE, 1, 50, unique=True)},
        signer="client",
        rules=(not_ended, _confirm),
        fold=fold_step("confirmed"),
        stage="risk",
        text_values={"disclosure_ref": ("RISK_DISCLOSE", "book")},
        texts=(_RISK_CONFIRM_1,),
    ),
)
