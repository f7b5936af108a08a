"""The agreement that the client signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.shapes import DID
from domain.words import Words
from primitives.shapes import ListOf, Nullable, OneOf
from suitability.act import Act
from suitability.rules.assessed import valid_level
from suitability.rules.identity import not_ended
from suitability.rules.product import late
from suitability.shapes import CODE, DIGEST, VERSIONED
from suitability.subject import Application, SubjectState

CODES = {
    "SIGNED_BEFORE_HANDLING": Code(
        Words("先签署后办理", "signed before handling"),
        "an agreement was signed before the business was handled",
        proves="SIGNED_LATE",
    ),
    "SIGNED_AFTER_REFUSAL": Code(
        Words("拒绝后签署", "signed after refusal"),
        "an agreement was signed on business that was not approved",
        proves="SIGNED_LATE",
    ),
    "SIGNED_AGAIN": Code(
        Words("同一申请重复签署", "signed again on the same application"),
        "an agreement was signed on an application that has one already",
    ),
}


def _sign(state: SubjectState, act: Act) -> Iterator[Finding]:
    application = state.applications.get(act.details.get("application_id", ""))
    if application is None or application.decided_at is None or application.decided_at > act.at:
        yield Finding("SIGNED_BEFORE_HANDLING", "order.handled-before-signed", "the business was not handled before")
    elif application.decision != "APPROVED":
        yield Finding("SIGNED_AFTER_REFUSAL", "order.handled-before-signed", "the business was not approved")
    elif act.at - application.decided_at > act.ruleset.max_sign_delay_ms:
        delay = act.at - application.decided_at
        yield late("agreement.max-sign-delay-ms", f"signed {delay} ms after the decision")
    if application is not None and act.details.get("product_id", application.product_id) != application.product_id:
        yield Finding("OTHER_BUSINESS", "agreement.applied", "the agreement is not on what the client applied for")
    if application is not None and application.signed_at is not None:
        yield Finding("SIGNED_AGAIN", "agreement.once", "an agreement on this application was signed before")
    if application is None or application.kind != "SELL":
        yield from valid_level(state, act)


def _fold(state: SubjectState, fact: Fact) -> SubjectState:
    key = str(fact.payload["application_id"])
    known = state.applications.get(key)
    base = Application("BUY", fact.payload["product_id"]) if known is None else known
    return state.with_application(key, replace(base, signed_at=fact.occurred_at))


_AGREEMENT_1 = {
    "format": "bonafides.document/1",
    "id": "agreement",
    "version": "1",
    "type": "AGREEMENT_SIGN",
    "values": ["broker", "product", "contract", "amount_fen", "file_sha256"],
    "text": {
        "zh": [
            "业务协议签署确认",
            "证券公司：{broker}",
            "合同 {contract}，产品 {product}，金额 {amount_fen} 分（人民币）。",
            "合同文件摘要（SHA-256）：{file_sha256}",
            "本人已阅读合同全文，同意其内容并签署。",
        ],
        "en": [
            "Signature of an agreement",
            "Broker: {broker}",
            "Contract {contract}, product {product}, amount {amount_fen} fen (CNY).",
            "Digest of the contract file (SHA-256): {file_sha256}",
            "I have read the whole contract, agree to it and sign it.",
        ],
    },
}

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "AGREEMENT_SIGN",
        Words("协议签署", "Agreement signed"),
        "application_id, product_id?, contract_id, contract_version id@version, file_sha256 hex32, signers [DID], "
        "sign_mode (wallet, paper, seal)",
        {
            "application_id": CODE,
            "product_id": Nullable(CODE),
            "contract_id": CODE,
            "contract_version": VERSIONED,
            "file_sha256": DIGEST,
            "signers": ListOf(DID, 1, 10, unique=True),
            "sign_mode": OneOf("wallet", "paper", "seal"),
        },
        signer="client",
        rules=(not_ended, _sign),
        fold=_fold,
        stage="signing",
        texts=(_AGREEMENT_1,),
    ),
)
