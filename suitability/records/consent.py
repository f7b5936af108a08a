"""The client's consent to a use of data, its withdrawal, and the use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.shapes import DID
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import Boolean, ListOf, OneOf, Text, Time
from primitives.timestamp import parse_time
from suitability.act import Act
from suitability.rules.identity import identified, not_ended
from suitability.shapes import CODE, COMMITMENT, DIGEST
from suitability.subject import Consent, SubjectState
from suitability.vocabulary import PURPOSES

CODES = {
    "CONSENT_REUSED": Code(
        Words("授权编号重复", "consent reused"), "a consent is given under the id of an earlier one"
    ),
    "CONSENT_UNKNOWN": Code(Words("授权不存在", "consent unknown"), "a consent is withdrawn that was not given"),
    "CONSENT_ALREADY_WITHDRAWN": Code(
        Words("授权已撤回", "consent already withdrawn"), "a consent is withdrawn for the second time"
    ),
    "USED_WITHOUT_CONSENT": Code(
        Words("无授权使用", "used without consent"),
        "data was used, and no consent was given before the start of the task. Uses are judged at that start: by the "
        "client's records, and at intake and in a node's replay (rule `consent.standing`) also by the grant that the "
        "node keeps and by the block in which the chain withdrew the consent",
        proves="NO_CONSENT",
    ),
    "CONSENT_WITHDRAWN": Code(
        Words("撤回后使用", "used after withdrawal"),
        "data was used after the consent was withdrawn",
        proves="NO_CONSENT",
    ),
    "CONSENT_EXPIRED": Code(
        Words("授权过期", "consent expired"),
        "data was used after the consent expired, or it had expired when given",
        proves="NO_CONSENT",
    ),
    "CONSENT_OTHER_PURPOSE": Code(
        Words("超出授权用途", "another purpose"),
        "data was used for another purpose than the consent's",
        proves="NO_CONSENT",
    ),
    "CONSENT_OTHER_RECEIVER": Code(
        Words("接收方未获授权", "another receiver"),
        "data was used by a member who is no receiver of the consent",
        proves="NO_CONSENT",
    ),
}


def _check_separate(payload: Mapping[str, Any]) -> None:
    if not payload["separate"]:
        raise InvalidInput("payload.separate", "separate-consent", "a consent to share is given separately")


def _give(state: SubjectState, act: Act) -> Iterator[Finding]:
    if act.details.get("consent_id") in state.consents:
        yield Finding("CONSENT_REUSED", "consent.one-id", "the consent was given before")
    if "expires_at" in act.details and parse_time(act.details["expires_at"], "expires_at") <= act.at:
        yield Finding("CONSENT_EXPIRED", "consent.expiry", "the consent had expired when it was given")


def _withdraw(state: SubjectState, act: Act) -> Iterator[Finding]:
    consent = state.consents.get(act.details.get("consent_id", ""))
    if consent is None:
        yield Finding("CONSENT_UNKNOWN", "consent.given", "no such consent was given")
    elif consent.withdrawn_at is not None:
        yield Finding("CONSENT_ALREADY_WITHDRAWN", "consent.given", "the consent was withdrawn before")


def _use(state: SubjectState, act: Act) -> Iterator[Finding]:
    consent = state.consents.get(act.details.get("consent_id", ""))
    started = act.at if "started_at" not in act.details else parse_time(act.details["started_at"], "started_at")
    if consent is None or consent.given_at > started:
        yield Finding("USED_WITHOUT_CONSENT", "consent.before-use", "no consent was given before the use")
        return
    if consent.withdrawn_at is not None and consent.withdrawn_at <= started:
        yield Finding("CONSENT_WITHDRAWN", "consent.before-use", "the consent was withdrawn before the use")
    if consent.expires_at <= started:
        yield Finding("CONSENT_EXPIRED", "consent.expiry", "the consent had expired before the use")
    if act.details.get("purpose", consent.purpose) != consent.purpose:
        yield Finding("CONSENT_OTHER_PURPOSE", "consent.one-purpose", f"the consent is for {consent.purpose}")
    strangers = sorted(set(act.details.get("parties", ())) - {*consent.receivers, act.broker})
    if strangers:
        yield Finding("CONSENT_OTHER_RECEIVER", "consent.receivers", f"not a receiver: {', '.join(strangers)}")


def _fold_grant(state: SubjectState, fact: Fact) -> SubjectState:
    key = str(fact.payload["consent_id"])
    if key in state.consents or state.succeeded:  # a reused id revives and widens nothing, an ended identity gives none
        return state
    given = Consent(
        purpose=fact.payload["purpose"],
        receivers=tuple(fact.payload["receivers"]),
        given_at=fact.occurred_at,
        expires_at=parse_time(fact.payload["expires_at"], "expires_at"),
    )
    return replace(state, consents={**state.consents, key: given})


def _fold_withdrawal(state: SubjectState, fact: Fact) -> SubjectState:
    key = str(fact.payload["consent_id"])
    known = state.consents.get(key)
    if known is None or known.withdrawn_at is not None:
        return state
    at = min(fact.occurred_at, parse_time(fact.payload["effective_at"], "effective_at"))  # never later than at once
    return replace(state, consents={**state.consents, key: replace(known, withdrawn_at=at)})


_CONSENT_GIVE_1 = {
    "format": "bonafides.document/1",
    "id": "consent-give",
    "version": "1",
    "type": "CONSENT_GIVE",
    "values": ["broker", "purpose", "receivers", "contact", "method", "data_kinds", "expires_at", "consent_id"],
    "text": {
        "zh": [
            "个人信息共享单独同意书",
            "证券公司：{broker}",
            "用途：{purpose}",
            "接收方：{receivers}",
            "联系方式：{contact}",
            "处理方式：{method}",
            "信息种类：{data_kinds}",
            "有效期至：{expires_at}",
            "同意编号：{consent_id}",
            "金融账户信息属于敏感个人信息。本同意只用于上述用途和接收方，不用于营销；不同意不影响您使用基本服务。",
            "您可以随时撤回，撤回与给出同样方便，并对尚未开始的任务立即生效。",
            "本人单独同意。",
        ],
        "en": [
            "Separate consent to the sharing of personal information",
            "Broker: {broker}",
            "Purpose: {purpose}",
            "Receivers: {receivers}",
            "Contact: {contact}",
            "Method: {method}",
            "Kinds of data: {data_kinds}",
            "Valid until: {expires_at}",
            "Consent number: {consent_id}",
            "Information on financial accounts is sensitive. This consent serves the purpose and receivers above "
            "only, and never marketing; refusing it does not limit basic services.",
            "You may withdraw at any time, as easily as you give it, with effect for every task that has not begun.",
            "I consent, separately from anything else.",
        ],
    },
}
_CONSENT_WITHDRAW_1 = {
    "format": "bonafides.document/1",
    "id": "consent-withdraw",
    "version": "1",
    "type": "CONSENT_WITHDRAW",
    "values": ["broker", "purpose", "consent_id"],
    "text": {
        "zh": [
            "撤回同意",
            "证券公司：{broker}",
            "本人撤回编号 {consent_id}、用途 {purpose} 的同意，立即生效。",
            "尚未开始的任务不得再使用本人信息；已经形成的证据依法保存，但限制查阅。",
        ],
        "en": [
            "Withdrawal of consent",
            "Broker: {broker}",
            "I withdraw the consent {consent_id} for the purpose {purpose}, with immediate effect.",
            "No task that has not begun may use my information. Evidence already made is kept as the law requires, "
            "with restricted access.",
        ],
    },
}

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "CONSENT_GIVE",
        Words("单独同意", "Consent given"),
        "consent_id hex32, purpose (closed list), receivers [DID], contact, method, data_kinds [code], expires_at "
        "time, "
        "separate (must be true)",
        {
            "consent_id": DIGEST,
            "purpose": OneOf(*PURPOSES),
            "receivers": ListOf(DID, 1, 100, unique=True),
            "contact": Text(300),
            "method": Text(300),
            "data_kinds": ListOf(CODE, 1, 50, unique=True),
            "expires_at": Time(),
            "separate": Boolean(),
        },
        signer="client",
        spans=_check_separate,
        rules=(not_ended, identified, _give),
        fold=_fold_grant,
        stage="consents",
        texts=(_CONSENT_GIVE_1,),
    ),
    RecordType(
        "CONSENT_WITHDRAW",
        Words("撤回同意", "Consent withdrawn"),
        "consent_id hex32, scope (ALL), effective_at time",
        {"consent_id": DIGEST, "scope": OneOf("ALL"), "effective_at": Time()},
        signer="client",
        rules=(not_ended, _withdraw),
        fold=_fold_withdrawal,
        stage="consents",
        texts=(_CONSENT_WITHDRAW_1,),
    ),
    RecordType(
        "DATA_USE",
        Words("数据使用", "Data used"),
        "task_id hex32, purpose, consent_id hex32, parties [DID] (the members who took part; the client's own broker "
        "among them needs no place among the consent's receivers), input_commitment hex48, output_kind, result_hash "
        "hex32, started_at time",
        {
            "task_id": DIGEST,
            "purpose": OneOf(*PURPOSES),
            "consent_id": DIGEST,
            "parties": ListOf(DID, 1, 100, unique=True),
            "input_commitment": COMMITMENT,
            "output_kind": CODE,
            "result_hash": DIGEST,
            "started_at": Time(),
        },
        rules=(_use,),  # that data was used before may still be recorded of an identity that has ended
        stage="data_uses",
    ),
)
