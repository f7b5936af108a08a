"""Who the client is: a document that was seen, and the succession of one identity of a client by another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.shapes import DID
from domain.words import Words
from primitives.shapes import Boolean, Integer, Nullable, OneOf, Time
from primitives.timestamp import parse_time
from suitability.act import Act
from suitability.rules.identity import identified, not_ended
from suitability.rules.limits import joined
from suitability.shapes import CODE, COMMITMENT, DIGEST
from suitability.subject import SubjectState, earliest

DOCUMENT_KINDS = (
    "ID_CARD",
    "TEMPORARY_ID_CARD",
    "HOUSEHOLD_REGISTER",
    "PASSPORT",
    "FOREIGN_PERMANENT_RESIDENCE",
    "HK_MACAO_PERMIT",
    "TAIWAN_PERMIT",
    "HMT_RESIDENCE_PERMIT",
    "OFFICER_ID",
    "SOLDIER_ID",
    "ARMED_POLICE_ID",
    "RESIDENCE_PERMIT",
    "OTHER",
)
_LOSS = OneOf("WALLET_LOST", "WALLET_STOLEN", "PASSWORD_LOST")

CODES = {
    "DOCUMENT_EXPIRED": Code(
        Words("证件已过期", "document expired"),
        "an identity is verified by a document whose `valid_to` is not later than the act (null: it has no end)",
    ),
}


def _document(_: SubjectState, act: Act) -> Iterator[Finding]:
    end = act.details.get("valid_to")  # null: no end, as the long-term card of those over 46
    if end is not None and parse_time(end, "valid_to") <= act.at:
        yield Finding("DOCUMENT_EXPIRED", "identity.document-valid", f"the document had expired at {end}")


def _fold_identity(state: SubjectState, fact: Fact) -> SubjectState:
    """An expired document identifies nobody: the gates stay shut."""
    end = fact.payload["valid_to"]
    if end is not None and parse_time(end, "valid_to") <= fact.occurred_at:
        return state
    return replace(state, identified=earliest(state.identified, fact.occurred_at))


def _fold_tie(state: SubjectState, fact: Fact) -> SubjectState:
    """This identity took over from another; that it did so is known even where a record does not show from whom."""
    pid = fact.payload.get("predecessor")
    return state if pid in state.succeeds else replace(state, succeeds=(*state.succeeds, pid))


def _fold_end(state: SubjectState, fact: Fact) -> SubjectState:
    """Another identity took over: what the old one consented to ends."""
    ended = {
        key: consent if consent.withdrawn_at is not None else replace(consent, withdrawn_at=fact.occurred_at)
        for key, consent in state.consents.items()
    }
    return replace(state, consents=ended, succeeded=(*state.succeeded, fact.occurred_at))


_IDENTITY_SUCCEED_1 = {
    "format": "bonafides.document/1",
    "id": "identity-succeed",
    "version": "1",
    "type": "ID_SUCCEED",
    "values": ["broker", "predecessor_did", "reason"],
    "text": {
        "zh": [
            "更换钱包声明",
            "证券公司：{broker}",
            "本人此前在该公司使用的身份为 {predecessor_did}，其钱包已无法使用，原因：{reason}。",
            "本人已在柜台完成实名核验。自即日起，本人以签署本声明的新身份办理业务。",
            "本人知悉：旧身份不得再办理业务，旧身份作出的授权同时终止；两段记录由证券公司关联，回溯时一并展示。",
        ],
        "en": [
            "Declaration of a new wallet",
            "Broker: {broker}",
            "My identity at this broker so far is {predecessor_did}; I can no longer use its wallet, for the "
            "reason {reason}.",
            "My identity was verified at the counter. From now on I act under the new identity that signs this "
            "declaration.",
            "I know that the old identity may act no more, that the consents it gave end now, and that the broker "
            "ties both histories together and shows both in a replay.",
        ],
    },
}

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "ID_VERIFY",
        Words("实名核验", "Identity verified"),
        f"id_kind ({', '.join(DOCUMENT_KINDS)}), id_commitment hex48, face_score? 0-100, liveness, police_check_ref?, "
        "valid_to? time",
        {
            "id_kind": OneOf(*DOCUMENT_KINDS),
            "id_commitment": COMMITMENT,
            "face_score": Nullable(Integer(0, 100)),
            "liveness": Boolean(),
            "police_check_ref": Nullable(CODE),
            "valid_to": Nullable(Time()),
        },
        rules=(not_ended, _document),
        fold=_fold_identity,
        folds_the_same=lambda shown: "valid_to" in shown,
        stage="assessment",
    ),
    RecordType(  # of a client who comes with a new wallet: the new identity follows an old one
        "ID_SUCCEED",
        Words("客户更换钱包：承接原身份", "New wallet of the client: follows an old identity"),
        "predecessor hex32 (the pseudonym of the same client's old identity), predecessor_did DID, identity_ref ref "
        "(an ID_VERIFY of the new identity), reason (WALLET_LOST, WALLET_STOLEN, PASSWORD_LOST)",
        {"predecessor": DIGEST, "predecessor_did": DID, "identity_ref": DIGEST, "reason": _LOSS},
        signer="client",
        rules=(not_ended, identified, joined),
        fold=_fold_tie,
        folds_the_same=lambda _: True,
        stage="assessment",
        texts=(_IDENTITY_SUCCEED_1,),
    ),
    RecordType(  # the same, in the old identity's history
        "ID_SUCCEEDED",
        Words("原身份由新身份承接", "A new identity of the client took over"),
        "successor hex32 (pseudonym), successor_did DID, succession_ref ref (the ID_SUCCEED in the successor's "
        "history), "
        "identity_ref ref, reason; in the old identity's history, written by the node alone",
        {
            "successor": DIGEST,
            "successor_did": DID,
            "succession_ref": DIGEST,
            "identity_ref": DIGEST,
            "reason": _LOSS,
        },
        signer="node",
        fold=_fold_end,
        folds_the_same=lambda _: True,
        stage="assessment",
    ),
)
