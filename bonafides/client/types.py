"""What the client's methods take and give; built by scripts/openapi/build.py from the description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

Answer = TypeVar("Answer")
Answers: TypeAlias = "Iterator[Answer | RefusedLine]"  # one for each line, in order


class AccessLogPayloadOrderBody(TypedDict):
    id: str
    did: str
    case: str
    ordered_at: str
    due_at: NotRequired[str]
    block: NotRequired[int]


class AccessLogPayloadOrder(TypedDict):
    format: str
    sender: str
    receiver: str
    kind: str
    nonce: str
    signature: str
    sent_at: int
    body: AccessLogPayloadOrderBody


class AccessLogPayloadCountersignedEntry(TypedDict):
    key: str
    value: str


class AccessLogPayload(TypedDict):
    reader: str
    role: Literal["compliance", "regulator", "operator"]
    case: str
    reason: str
    fields: list[str]
    approved_by: str | None
    order: NotRequired[AccessLogPayloadOrder]
    countersigned: NotRequired[list[AccessLogPayloadCountersignedEntry]]


class AccessRequest(TypedDict):
    case: str
    reason: str
    reader: str
    approver: str
    subject: NotRequired[str | None]
    did: NotRequired[str | None]
    client_ref: NotRequired[str | None]


class Act(TypedDict):
    root_salt: str
    key: str
    signature: str
    document: str | None
    ruleset: str | None
    known: Known


class ActRegistration(TypedDict):
    suite: Literal["sm3-sm2/1"]
    signing_key: str
    validity: int
    deadline: int
    signature: Eip712Signature

AddCheckpoint: TypeAlias = "str"

Address: TypeAlias = "str"


class AgreementSignPayload(TypedDict):
    application_id: str
    product_id: str | None
    contract_id: str
    contract_version: str
    file_sha256: str
    signers: list[str]
    sign_mode: Literal["wallet", "paper", "seal"]
    lang: Literal["zh", "en"]
    text_sha256: str


class AsOf(TypedDict):
    block: int
    time: str


class BizApplyPayload(TypedDict):
    application_id: str
    kind: Literal["OPEN", "BUY", "SELL"]
    product_id: str | None
    amount_fen: int


class BizDecidePayloadCountersignedEntry(TypedDict):
    key: str
    value: str


class BizDecidePayload(TypedDict):
    application_id: str
    kind: Literal["OPEN", "BUY", "SELL"]
    product_id: str | None
    decision: Literal["APPROVED", "REFUSED", "STOPPED"]
    checks: list[str]
    reviewer: str
    reason: str | None
    countersigned: NotRequired[list[BizDecidePayloadCountersignedEntry]]


class BlockTime(TypedDict):
    block: int
    time: Time

Bundle: TypeAlias = "dict[str, Any]"


class Challenge(TypedDict):
    audience: Did
    holder: Did
    nonce: str
    purpose: str
    expires_at: Time


class ChallengeRequest(TypedDict):
    holder: Did
    purpose: str

Checks: TypeAlias = "list[str]"


class ChecksNotMadeEntry(TypedDict):
    check: str
    reason: str

ChecksNotMade: TypeAlias = "list[ChecksNotMadeEntry]"


class ClaimDirectoryEntry(TypedDict):
    name: str
    target: str
    code_hash: str
    block: int
    time: int


class ClaimMembersEntryKeys(TypedDict):
    algorithm: int
    signing: str
    checkpoint: str
    agreement: str
    compliance: str


class ClaimMembersEntry(TypedDict):
    member: str
    number: int
    role: int
    path: str
    keys: ClaimMembersEntryKeys


class ClaimKeysEntry(TypedDict):
    algorithm: int
    signing: str
    checkpoint: str
    agreement: str
    compliance: str


class ClaimLog1Opening(TypedDict):
    former: str
    former_seq: int
    former_root: str
    former_size: int
    former_map_root: str
    block: int
    time: int


class ClaimLog1AnchorsEntry(TypedDict):
    seq: int
    batch_root: str
    size_before: int
    size_after: int
    map_root: str
    block: int
    time: int
    keys_digest: str
    key_version: int


class ClaimLog1(TypedDict):
    seq: int
    opening: ClaimLog1Opening
    path: str
    anchors: list[ClaimLog1AnchorsEntry]


class ClaimPlace1(TypedDict):
    entry: str
    path: str


class ClaimMap11(TypedDict):
    entry: str
    path: str


class ClaimMap12Other1(TypedDict):
    label: str
    entry: str


class ClaimMap12(TypedDict):
    path: str
    other: ClaimMap12Other1 | None


class Claim(TypedDict):
    format: Literal["bonafides.claim/2"]
    chain_id: int
    header_rule: str
    header: str
    nodes: list[str]
    directory: list[ClaimDirectoryEntry]
    members: list[ClaimMembersEntry]
    keys: list[ClaimKeysEntry]
    log: ClaimLog1 | None
    promise: Promise
    place: ClaimPlace1 | None
    map: ClaimMap11 | ClaimMap12 | None
    checkpoint: str | None


class ConsentAnswer(TypedDict):
    status: Literal["accepted"]
    consent_id: Digest
    subject: Pid
    outbox: str


class ConsentCall1(TypedDict):
    consent_id: str
    deadline: int
    signature: Eip712Signature
    salt: str
    credential: Any


class ConsentCall2(TypedDict):
    consent_id: str
    deadline: int
    signature: Eip712Signature

ConsentCall: TypeAlias = "ConsentCall1 | ConsentCall2"


class ConsentGivePayload(TypedDict):
    consent_id: str
    purpose: Literal["SUITABILITY_ASSESS", "QUALIFIED_CHECK", "AML_JOINT", "BLACKLIST_QUERY", "MARKET_RISK", "REGULATOR_STAT"]
    receivers: list[str]
    contact: str
    method: str
    data_kinds: list[str]
    expires_at: str
    separate: bool
    lang: Literal["zh", "en"]
    text_sha256: str


class ConsentGrant1Consent(TypedDict):
    consent_id: str
    deadline: int
    signature: Eip712Signature
    salt: str
    credential: Any


class ConsentGrant1(TypedDict):
    consent: ConsentGrant1Consent


class ConsentGrant2(TypedDict):
    consent_id: str
    deadline: int
    signature: Eip712Signature
    salt: str
    credential: Any

ConsentGrant: TypeAlias = "ConsentGrant1 | ConsentGrant2"


class ConsentWithdrawPayload(TypedDict):
    consent_id: str
    scope: Literal["ALL"]
    effective_at: str
    lang: Literal["zh", "en"]
    text_sha256: str


class ConsentWithdrawal1Consent(TypedDict):
    consent_id: str
    deadline: int
    signature: Eip712Signature


class ConsentWithdrawal1(TypedDict):
    consent: ConsentWithdrawal1Consent


class ConsentWithdrawal2(TypedDict):
    consent_id: str
    deadline: int
    signature: Eip712Signature

ConsentWithdrawal: TypeAlias = "ConsentWithdrawal1 | ConsentWithdrawal2"


class ConsentsConsentsEntry(TypedDict):
    consent_id: Digest
    purpose: str
    receivers: list[str]
    given_at: Time
    expires_at: Time
    withdrawn_at: Time | None
    on_chain: Literal["none", "granted", "withdrawn"]
    relay: Literal["on-chain", "queued", "failed", "not-relayed"]


class Consents(TypedDict):
    consents: list[ConsentsConsentsEntry]


class ConvictionRecordedEntry(TypedDict):
    member: Did
    block: int
    time: Time


class Conviction(TypedDict):
    digest: str
    broker: Did
    format: Literal["bonafides.promise-contradiction/2", "bonafides.equivocation/2", "bonafides.rollback/2"] | None
    tells: str | None
    state: Literal["verified", "unseen", "refuted"]
    problem: str | None
    noted_at: Time
    recorded: list[ConvictionRecordedEntry]
    relay: str | None

ConvictionDocument: TypeAlias = "PromiseContradiction | Equivocation | Rollback"


class Convictions(TypedDict):
    convictions: list[Conviction]

Credential: TypeAlias = "dict[str, Any]"


class CredentialIssuePayload(TypedDict):
    credential_sha256: str
    credential_id: str
    credential_type: str


class CredentialRequest(TypedDict):
    subject: Pid
    type: NotRequired[Literal["SuitabilityCredential", "IdentityCredential"]]


class CredentialRevokePayload(TypedDict):
    credential_sha256: str
    credential_id: str
    credential_type: str
    status_list: int
    status_index: int
    reason: str | None


class CredentialToVerify1(TypedDict):
    credential: dict[str, Any]
    witness: NotRequired[Any]
    salt: NotRequired[Any]

CredentialToVerify: TypeAlias = "CredentialToVerify1 | dict[str, Any]"


class CredentialVerdict(TypedDict):
    status: Literal["verified"]
    id: str | None
    type: str | None
    issuer: str
    subject: dict[str, Any]
    valid_until: str | None
    issuer_right: IssuerRight
    as_of: AsOf
    checked: Checks
    not_checked: ChecksNotMade


class DataUsePayload(TypedDict):
    task_id: str
    purpose: Literal["SUITABILITY_ASSESS", "QUALIFIED_CHECK", "AML_JOINT", "BLACKLIST_QUERY", "MARKET_RISK", "REGULATOR_STAT"]
    consent_id: str
    parties: list[str]
    input_commitment: str
    output_kind: str
    result_hash: str
    started_at: str


class DataUsesDataUsesEntry(TypedDict):
    record_id: str
    type: Literal["DATA_USE", "ACCESS_LOG"]
    seq: int
    occurred_at: Time
    use: dict[str, Any]


class DataUsesErasedEntry(TypedDict):
    record_id: str
    seq: int
    rule: str
    erased_by: str
    erased_at: Time


class DataUses(TypedDict):
    data_uses: list[DataUsesDataUsesEntry]
    erased: list[DataUsesErasedEntry]


class Dataset(TypedDict):
    dataset: Digest
    outbox: str


class DatasetRequest(TypedDict):
    name: str
    schema: dict[str, Any]

Did: TypeAlias = "str"


class DidResolutionSponsored(TypedDict):
    block: int
    nonce: int
    in_flight: int
    next_nonce: int


class DidResolution(TypedDict):
    didDocument: dict[str, Any]
    didDocumentMetadata: dict[str, Any]
    didResolutionMetadata: dict[str, Any]
    keys: dict[str, str]
    sponsored: DidResolutionSponsored

Digest: TypeAlias = "str"


class DraftText(TypedDict):
    lang: str
    body: str


class Draft(TypedDict):
    version: Literal["bonafides.act/2"]
    suite: Literal["sha256-ed25519/1", "sm3-sm2/1"]
    type: str
    broker: Did
    subject: Pid
    document: str
    ruleset: str
    fields: dict[str, Any]
    text: DraftText


class DraftRequest(TypedDict):
    subject: Pid
    type: Literal["ACCESS_LOG", "AGREEMENT_SIGN", "BIZ_APPLY", "BIZ_DECIDE", "CONSENT_GIVE", "CONSENT_WITHDRAW", "DATA_USE", "CREDENTIAL_ISSUE", "CREDENTIAL_REVOKE", "OPENING", "ERASE", "ID_VERIFY", "ID_SUCCEED", "ID_SUCCEEDED", "INFO_COLLECT", "DUTY_NOTICE", "LEVEL_RESULT", "LEVEL_CONFIRM", "MISMATCH_WARN", "MISMATCH_INSIST", "PRODUCT_RATE", "MATCH_OPINION", "Q_SUBMIT", "REPORT_ISSUE", "RISK_DISCLOSE", "RISK_CONFIRM", "STAFF_ENROL", "STAFF_END"]
    lang: NotRequired[Literal["zh", "en"]]
    fields: NotRequired[dict[str, Any]]
    values: NotRequired[dict[str, Any]]


class DutyNoticePayload(TypedDict):
    documents: list[str]
    scroll_end: bool
    dwell_ms: int

Eip712Signature: TypeAlias = "str"


class EnvelopeActor(TypedDict):
    did: str
    role: str


class EnvelopeAttachmentsEntry(TypedDict):
    sha256: str
    mime: str
    bytes: int


class EnvelopeAccepted(TypedDict):
    block: int
    hash: str


class EnvelopeKnown1(TypedDict):
    count: int
    fingerprint: str
    nonce: str


class EnvelopeSignaturesEntry(TypedDict):
    did: str
    key: str
    alg: Literal["Ed25519", "SM2"]
    value: str


class Envelope(TypedDict):
    format: Literal["bonafides.record/2"]
    suite: Literal["sha256-ed25519/1", "sm3-sm2/1"]
    record_id: str
    type: str
    schema: str
    broker: str
    subject: str
    seq: int
    prev: str
    occurred_at: str
    recorded_at: str
    channel: Literal["branch", "app", "web", "phone", "api"]
    actor: EnvelopeActor
    document: str | None
    fields: dict[str, str]
    attachments: list[EnvelopeAttachmentsEntry]
    next: str
    accepted: EnvelopeAccepted
    ruleset: str | None
    known: EnvelopeKnown1 | None
    signatures: list[EnvelopeSignaturesEntry]


class EquivocationFork1First(TypedDict):
    leaf: str
    path: str


class EquivocationFork1Second(TypedDict):
    leaf: str
    path: str


class EquivocationFork1(TypedDict):
    first: EquivocationFork1First
    second: EquivocationFork1Second


class Equivocation(TypedDict):
    format: Literal["bonafides.equivocation/2"]
    broker: str
    first: str
    second: str
    fork: EquivocationFork1 | None


class ErasePayloadErasesEntry(TypedDict):
    seq: int
    fingerprint: str
    rule: Literal["retention-20-years"]


class ErasePayloadErasesFormerEntry(TypedDict):
    seq: int
    fingerprint: str
    rule: Literal["retention-20-years"]


class ErasePayloadCountersignedEntry(TypedDict):
    key: str
    value: str


class ErasePayload(TypedDict):
    erases: NotRequired[list[ErasePayloadErasesEntry]]
    erases_former: NotRequired[list[ErasePayloadErasesFormerEntry]]
    countersigned: NotRequired[list[ErasePayloadCountersignedEntry]]


class ErasureErasesEntry(TypedDict):
    seq: int
    fingerprint: Digest
    rule: str
    erased: bool


class ErasureErasesFormerEntry(TypedDict):
    seq: int
    fingerprint: Digest
    rule: str
    erased: bool


class Erasure(TypedDict):
    id: str
    subject: Pid
    state: Literal["waiting", "done"]
    recorded_at: Time
    done_at: Time | None
    erases: list[ErasureErasesEntry]
    erases_former: list[ErasureErasesFormerEntry]


class ErasureRequest(TypedDict):
    subject: NotRequired[str | None]
    did: NotRequired[str | None]
    client_ref: NotRequired[str | None]
    rule: NotRequired[Literal["retention-20-years"]]
    records: NotRequired[list[int]]
    former_records: NotRequired[list[int]]


class ExportLine(TypedDict):
    kind: Literal["export", "subject", "record", "receipt", "credential", "consent", "related", "task", "replay_order", "key_event", "bundle", "former_record", "former_consent", "former_bundle", "end"]


class ExportRequest(TypedDict):
    case: str
    reason: str
    subject: NotRequired[str | None]
    did: NotRequired[str | None]
    client_ref: NotRequired[str | None]
    access: NotRequired[list[dict[str, Any]]]


class FactActor(TypedDict):
    did: str
    role: str


class FactAttachmentsEntry(TypedDict):
    sha256: str
    mime: str
    bytes: int


class Fact(TypedDict):
    source_ref: str
    subject: Pid
    type: Literal["ACCESS_LOG", "AGREEMENT_SIGN", "BIZ_APPLY", "BIZ_DECIDE", "CONSENT_GIVE", "CONSENT_WITHDRAW", "DATA_USE", "CREDENTIAL_ISSUE", "CREDENTIAL_REVOKE", "OPENING", "ERASE", "ID_VERIFY", "ID_SUCCEED", "ID_SUCCEEDED", "INFO_COLLECT", "DUTY_NOTICE", "LEVEL_RESULT", "LEVEL_CONFIRM", "MISMATCH_WARN", "MISMATCH_INSIST", "PRODUCT_RATE", "MATCH_OPINION", "Q_SUBMIT", "REPORT_ISSUE", "RISK_DISCLOSE", "RISK_CONFIRM", "STAFF_ENROL", "STAFF_END"]
    occurred_at: Time
    channel: Literal["branch", "app", "web", "phone", "api"]
    actor: FactActor
    payload: NotRequired[dict[str, Any]]
    compute: NotRequired[dict[str, Any]]
    attachments: NotRequired[list[FactAttachmentsEntry]]
    act: NotRequired[Act | None]
    root_salt: NotRequired[str]
    consent: NotRequired[ConsentCall]


class FactAnswer(TypedDict):
    status: Literal["accepted"]
    record_id: str
    fingerprint: Digest
    log_index: int
    promise: Promise | None
    findings: list[Finding]
    promise_owed: NotRequired[str]
    payload: NotRequired[dict[str, Any]]
    not_checked: NotRequired[ChecksNotMade]
    relay: NotRequired[Relay]


class Finding(TypedDict):
    code: str
    rule: str
    detail: str


class FormerClaim(TypedDict):
    format: Literal["bonafides.breach/1"]


class FormerTrustFileDirectoryEntry(TypedDict):
    name: str
    address: str
    from_block: int
    to_block: int | None


class FormerTrustFile(TypedDict):
    format: Literal["bonafides.trust/1"]
    chain_id: int
    header_rule: str
    directory: list[FormerTrustFileDirectoryEntry]
    first: int
    last: int
    headers: list[str]


class GateAnswerReliedOnEntrySignedByEntry(TypedDict):
    name: str
    role: str
    key: str


class GateAnswerReliedOnEntry(TypedDict):
    type: Literal["PRODUCT_RATE", "BIZ_DECIDE"]
    ref: Digest
    signed_by: list[GateAnswerReliedOnEntrySignedByEntry]


class GateAnswer(TypedDict):
    status: Literal["answered"]
    subject: Pid
    act: str
    allowed: bool
    code: str
    reason: str
    relied_on: list[GateAnswerReliedOnEntry]
    ruleset: str
    at: Time
    not_checked: NotRequired[ChecksNotMade]


class GateRequest(TypedDict):
    subject: Pid
    act: Literal["ACCESS_LOG", "AGREEMENT_SIGN", "BIZ_APPLY", "BIZ_DECIDE", "CONSENT_GIVE", "CONSENT_WITHDRAW", "DATA_USE", "CREDENTIAL_ISSUE", "CREDENTIAL_REVOKE", "OPENING", "ERASE", "ID_VERIFY", "ID_SUCCEED", "ID_SUCCEEDED", "INFO_COLLECT", "DUTY_NOTICE", "LEVEL_RESULT", "LEVEL_CONFIRM", "MISMATCH_WARN", "MISMATCH_INSIST", "PRODUCT_RATE", "MATCH_OPINION", "Q_SUBMIT", "REPORT_ISSUE", "RISK_DISCLOSE", "RISK_CONFIRM", "STAFF_ENROL", "STAFF_END"]
    details: NotRequired[dict[str, Any]]
    at: NotRequired[Time]


class GrowthStepsEntryAnchor(TypedDict):
    seq: int
    batch_root: str
    size_before: int
    size_after: int
    map_root: str
    block: int
    time: int
    keys_digest: str
    key_version: int


class GrowthStepsEntryProof1(TypedDict):
    old: str
    new: str
    leaves: str
    walk: str
    hashes: str


class GrowthStepsEntry(TypedDict):
    anchor: GrowthStepsEntryAnchor
    entries: str
    proof: GrowthStepsEntryProof1 | None


class Growth(TypedDict):
    format: Literal["bonafides.growth/2"]
    start: int
    peaks: str
    steps: list[GrowthStepsEntry]


class Health(TypedDict):
    status: Literal["ok"]


class IdSucceedPayload(TypedDict):
    predecessor: str
    predecessor_did: str
    identity_ref: str
    reason: Literal["WALLET_LOST", "WALLET_STOLEN", "PASSWORD_LOST"]
    lang: Literal["zh", "en"]
    text_sha256: str


class IdSucceededPayload(TypedDict):
    successor: str
    successor_did: str
    succession_ref: str
    identity_ref: str
    reason: Literal["WALLET_LOST", "WALLET_STOLEN", "PASSWORD_LOST"]


class IdVerifyPayload(TypedDict):
    id_kind: Literal["ID_CARD", "TEMPORARY_ID_CARD", "HOUSEHOLD_REGISTER", "PASSPORT", "FOREIGN_PERMANENT_RESIDENCE", "HK_MACAO_PERMIT", "TAIWAN_PERMIT", "HMT_RESIDENCE_PERMIT", "OFFICER_ID", "SOLDIER_ID", "ARMED_POLICE_ID", "RESIDENCE_PERMIT", "OTHER"]
    id_commitment: str
    face_score: int | None
    liveness: bool
    police_check_ref: str | None
    valid_to: str | None


class IndexedLeaves(TypedDict):
    start: int
    leaves: list[str]


class IndexedLogLeaf(TypedDict):
    seq: int
    batch_root: str
    size_before: int
    size_after: int
    map_root: str
    block: int
    time: int
    keys_digest: str
    key_version: int


class IndexedLogKeys(TypedDict):
    algorithm: int
    signing: str
    checkpoint: str
    agreement: str
    compliance: str


class IndexedLogWitnessesEntryKeysEntry(TypedDict):
    version: int
    checkpoint: str


class IndexedLogWitnessesEntry(TypedDict):
    did: Did
    name: str
    active: bool
    keys: list[IndexedLogWitnessesEntryKeysEntry]


class IndexedLog(TypedDict):
    broker: Did
    node: str | None
    seq: int
    leaf: IndexedLogLeaf
    keys: IndexedLogKeys
    witnesses: list[IndexedLogWitnessesEntry]


class InfoCollectPayloadBasics(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    name: str
    age: int
    synthetic: bool


class InfoCollectPayloadFinanceHoldingsFen(TypedDict):
    R1: int
    R2: int
    R3: int
    R4: int
    R5: int


class InfoCollectPayloadFinance(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    assets_fen: int
    debts_fen: int
    income_fen: int
    holdings_fen: InfoCollectPayloadFinanceHoldingsFen


class InfoCollectPayloadEducation(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    values: dict[str, bool | int | str]


class InfoCollectPayloadExperience(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    values: dict[str, bool | int | str]


class InfoCollectPayloadGoals(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    values: dict[str, bool | int | str]


class InfoCollectPayloadPreference(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    values: dict[str, bool | int | str]


class InfoCollectPayloadIntegrity(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    values: dict[str, bool | int | str]


class InfoCollectPayloadControl(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    values: dict[str, bool | int | str]


class InfoCollectPayloadOther(TypedDict):
    source: Literal["client", "broker", "third-party", "synthetic"]
    values: dict[str, bool | int | str]


class InfoCollectPayload(TypedDict):
    basics: InfoCollectPayloadBasics
    finance: InfoCollectPayloadFinance
    education: NotRequired[InfoCollectPayloadEducation]
    experience: NotRequired[InfoCollectPayloadExperience]
    goals: NotRequired[InfoCollectPayloadGoals]
    preference: NotRequired[InfoCollectPayloadPreference]
    integrity: NotRequired[InfoCollectPayloadIntegrity]
    control: NotRequired[InfoCollectPayloadControl]
    other: NotRequired[InfoCollectPayloadOther]

IssueWitness: TypeAlias = "dict[str, Any]"


class IssueWitnessAnswer(TypedDict):
    credential_sha256: Digest
    state: Literal["anchored", "pending", "erased", "none"]
    witness: IssueWitness | None


class IssuerRight(TypedDict):
    basis: Literal["broker-of-client", "broker-of-list", "client-itself"]
    member: str | None
    role_at_issue: str | None
    role_now: str | None
    key: str
    key_in_force: bool
    witnessed_block: int | None
    block: int


class Known(TypedDict):
    count: int
    fingerprint: str
    nonce: str


class LevelConfirmPayload(TypedDict):
    level_ref: str
    level: Literal["C1-min", "C1", "C2", "C3", "C4", "C5"]
    lang: Literal["zh", "en"]
    text_sha256: str


class LevelResultPayload(TypedDict):
    form: str
    answers_ref: str
    dims: dict[str, int]
    total: int
    level: Literal["C1-min", "C1", "C2", "C3", "C4", "C5"]
    overrides: list[str]
    checks: list[str]
    horizon: Literal["1Y", "5Y", "ANY"]
    types: list[Literal["T1", "T2", "T3", "T4"]]
    valid_from: str
    valid_to: str
    supersedes: str | None
    engine_digest: str


class MatchOpinionPayloadProduct(TypedDict):
    id: str
    risk: Literal["R1", "R2", "R3", "R4", "R5"]
    term: Literal["1Y", "5Y", "ANY"]
    type: Literal["T1", "T2", "T3", "T4"]


class MatchOpinionPayloadParts(TypedDict):
    admission: Literal["MATCH", "TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH", "NOT_ADMITTED", "FORBIDDEN_MIN", "EXPIRED", "NO_ASSESSMENT"]
    risk: Literal["MATCH", "TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH", "NOT_ADMITTED", "FORBIDDEN_MIN", "EXPIRED", "NO_ASSESSMENT"]
    term: Literal["MATCH", "TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH", "NOT_ADMITTED", "FORBIDDEN_MIN", "EXPIRED", "NO_ASSESSMENT"]
    type: Literal["MATCH", "TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH", "NOT_ADMITTED", "FORBIDDEN_MIN", "EXPIRED", "NO_ASSESSMENT"]


class MatchOpinionPayload(TypedDict):
    level_ref: str | None
    rating_ref: str
    level: Literal["C1-min", "C1", "C2", "C3", "C4", "C5"] | None
    level_valid_to: str | None
    horizon: Literal["1Y", "5Y", "ANY"] | None
    types: list[Literal["T1", "T2", "T3", "T4"]] | None
    product: MatchOpinionPayloadProduct
    admitted: bool
    parts: MatchOpinionPayloadParts
    gap: int
    special_care: bool
    code: Literal["MATCH", "TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH", "NOT_ADMITTED", "FORBIDDEN_MIN", "EXPIRED", "NO_ASSESSMENT"]
    engine_digest: str


class MemberResolution(TypedDict):
    didDocument: dict[str, Any]
    didDocumentMetadata: dict[str, Any]
    didResolutionMetadata: dict[str, Any]


class MismatchInsistPayload(TypedDict):
    product_id: str
    opinion_ref: str
    warning_ref: str
    second_confirm: bool
    lang: Literal["zh", "en"]
    text_sha256: str


class MismatchWarnPayload(TypedDict):
    product_id: str
    opinion_ref: str
    code: Literal["TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH"]
    gap: int
    client_initiated: bool
    read_ms: int
    lang: Literal["zh", "en"]
    text_sha256: str


class OpenApi(TypedDict):
    openapi: str


class OpeningPayloadContinues1(TypedDict):
    format: int
    subject: str
    count: int
    head: str


class OpeningPayload(TypedDict):
    kind: Literal["client", "unsigned-client", "product", "house"]
    opens: str | None
    continues: OpeningPayloadContinues1 | None


class OutboxState(TypedDict):
    key: str
    kind: str
    state: Literal["new", "signed", "sent", "final", "failed"]
    tx: str | None
    block: int | None
    gas_used: int | None
    error: str | None
    updated_at: Time


class OwnPromise(TypedDict):
    record_id: str
    promise: Promise

PeerAnswer: TypeAlias = "dict[str, Any]"


class PeerMessage(TypedDict):
    format: Literal["bonafides.peer/1"]
    sender: Address
    receiver: Address
    kind: str
    nonce: str
    sent_at: int
    body: dict[str, Any]
    signature: Any

Pid: TypeAlias = "str"


class Problem(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    code: str
    field: NotRequired[str]
    rule: NotRequired[Literal["object", "list", "text", "integer", "number", "boolean", "bytes", "required", "unknown-member", "one-of", "constant", "length", "range", "pattern", "unique", "order", "ascending", "together", "shape", "unknown", "value", "unknown-option", "usage", "schema", "utf-8", "json", "json-type", "toml", "tar", "gzip", "content-encoding", "depth", "max-bytes", "max-nodes", "key", "duplicate-key", "duplicate", "finite-number", "integer-range", "canonical-json", "unicode", "truncated", "characters", "ascii", "replacement-character", "one-line", "control-character", "hidden-character", "noncharacter", "nfc", "spaces", "blank", "hex", "base64", "base58btc", "multibase", "decimal", "record-time", "date-time", "time-range", "past", "ahead", "period", "uuid7", "url", "networks", "mime", "code", "index", "log-index", "log-size", "strings", "objects", "did", "did-ethr", "address", "hash", "chain-id", "chain", "verification-method", "method", "staff", "identity", "certificate-kind", "certificate-number", "birth-date", "check-digit", "ruleset-label", "record-type", "node-record", "node-reference", "client-act", "second-person", "act", "approval", "separate-consent", "same-consent", "field-name", "field-digest", "questionnaire-version", "single-choice", "document-type", "document-version", "values", "sum", "contiguous", "complete", "monotone", "min-class", "promise-times", "presence", "owed", "base-type", "credential-type", "first-context", "known-context", "one-subject", "one-proof", "cryptosuite", "unsecured", "self-issued", "scheme", "status-list", "status-type", "list-bits", "header-rule", "proof-kind", "header", "receipt", "log", "rlp", "hex-prefix", "node", "reference", "note", "note-name", "checkpoint", "map-entry", "timestamp-token", "statistics", "receivers", "risk-grade", "fen", "value-range", "scalar", "scalar-range", "field-range", "point", "point-identity", "vector-length", "msm-length", "blinding", "nonce", "nonces", "witness", "generator", "trivial", "free-scalar", "scalars", "size", "element-index", "unused-element", "scalar-index", "eip712", "uint256", "attribute-name", "secp256k1-key", "secp256k1-point", "secp256k1-signature", "abi", "arity", "keystore", "sealed", "mismatch", "manifest", "file", "pem"]]


class ProductRatePayloadProduct(TypedDict):
    id: str
    risk: Literal["R1", "R2", "R3", "R4", "R5"]
    term: Literal["1Y", "5Y", "ANY"]
    type: Literal["T1", "T2", "T3", "T4"]


class ProductRatePayloadCountersignedEntry(TypedDict):
    key: str
    value: str


class ProductRatePayload(TypedDict):
    product: ProductRatePayloadProduct
    name: str
    factors: dict[str, bool | int | str]
    method: str
    committee: str
    effective_from: str
    countersigned: NotRequired[list[ProductRatePayloadCountersignedEntry]]


class PromiseBatch(TypedDict):
    index: int
    count: int
    path: str


class PromiseSignature(TypedDict):
    key: str
    alg: Literal["Ed25519", "SM2"]
    value: str


class Promise(TypedDict):
    format: Literal["bonafides.promise/2"]
    suite: Literal["sha256-ed25519/1", "sm3-sm2/1"]
    broker: str
    subject: str
    seq: int
    label: str
    record_id: str
    fingerprint: str
    entry: str
    log_index: int
    recorded_at: str
    anchor_by: str
    block: int
    batch: PromiseBatch
    signature: PromiseSignature


class PromiseCheck(TypedDict):
    promise: Any


class PromiseContradictionLink1(TypedDict):
    seq: int
    prev: str
    next: str
    fingerprint: str


class PromiseContradiction(TypedDict):
    format: Literal["bonafides.promise-contradiction/2"]
    broker: str
    first: Any
    second: Any
    link: PromiseContradictionLink1 | None


class PromisePage(TypedDict):
    promises: list[Promise]
    next_after: int | None
    owed: int


class PromiseVerdict1Anchor(TypedDict):
    seq: int
    size: int
    block: int
    time: Time


class PromiseVerdict1(TypedDict):
    status: Literal["kept"]
    broker: Did
    record_id: str
    log_index: int
    anchor_by: Time
    as_of: BlockTime
    anchor: PromiseVerdict1Anchor
    entry: Literal["as-promised", "not-checked"]
    counted: Literal["as-promised", "not-checked"]
    reason: str | None


class PromiseVerdict2(TypedDict):
    status: Literal["open"]
    broker: Did
    record_id: str
    log_index: int
    anchor_by: Time
    as_of: BlockTime


class PromiseVerdict3(TypedDict):
    status: Literal["broken"]
    broker: Did
    record_id: str
    log_index: int
    anchor_by: Time
    as_of: BlockTime
    verdict: str
    claim: Claim | FormerClaim

PromiseVerdict: TypeAlias = "PromiseVerdict1 | PromiseVerdict2 | PromiseVerdict3"


class Proof1(TypedDict):
    proof: dict[str, Any]
    credential: NotRequired[dict[str, Any] | None]

Proof: TypeAlias = "Proof1 | dict[str, Any]"


class ProofAttestation1(TypedDict):
    status: Literal["unattested"]
    detail: str


class ProofAttestation2(TypedDict):
    status: Literal["attested"]
    issuer: Did
    issuer_right: IssuerRight
    credential_status: Literal["valid", "no-status-list"]

ProofAttestation: TypeAlias = "ProofAttestation1 | ProofAttestation2"


class ProofVerdict(TypedDict):
    status: Literal["verified"]
    holder: Did
    purpose: str
    commitment: str
    credential: str | None
    attestation: ProofAttestation
    as_of: AsOf
    checked: Checks
    not_checked: ChecksNotMade


class QSubmitPayloadScreen(TypedDict):
    age: int
    incapacity: bool
    no_loss: bool | None


class QSubmitPayload(TypedDict):
    form: str
    answers: dict[str, list[str]]
    screen: QSubmitPayloadScreen
    duration_ms: int
    declaration: bool
    order_shown: NotRequired[list[str]]


class Reach(TypedDict):
    trusted_by: list[Did]
    opened_by: str
    witnesses: list[Did]
    members: int
    wanted: int
    erased: list[int]
    put_back: list[int]
    wrong: list[int]
    earlier_not_shown: list[str]
    redacted: list[int]
    text: list[str]


class Readiness(TypedDict):
    status: Literal["ready", "not-ready"]
    checks: dict[str, str]


class ReceiptAnchor(TypedDict):
    seq: int
    batch_root: str
    size_before: int
    size_after: int
    map_root: str
    block: int
    time: int
    keys_digest: str
    key_version: int


class ReceiptLog(TypedDict):
    size: int
    path: str


class ReceiptMap(TypedDict):
    path: str


class ReceiptNext1Other1(TypedDict):
    label: str
    entry: str


class ReceiptNext1(TypedDict):
    path: str
    other: ReceiptNext1Other1 | None


class ReceiptNext2Link(TypedDict):
    seq: int
    prev: str
    next: str
    fingerprint: str


class ReceiptNext2(TypedDict):
    link: ReceiptNext2Link
    path: str


class Receipt(TypedDict):
    format: Literal["bonafides.receipt/2"]
    promise: Promise
    record: RedactedCopy
    anchor: ReceiptAnchor
    batch: str
    log: ReceiptLog
    checkpoint: str
    map: ReceiptMap
    next: ReceiptNext1 | ReceiptNext2


class ReceiptPageNotShownEntry(TypedDict):
    record_id: str
    seq: int
    code: str
    detail: str


class ReceiptPage(TypedDict):
    receipts: list[Receipt]
    next_after: int | None
    pending: int
    not_shown: list[ReceiptPageNotShownEntry]


class ReceiptRequest(TypedDict):
    record_id: str


class RedactedCopyFieldsEntry(TypedDict):
    value: Any
    salt: str


class RedactedCopy(TypedDict):
    envelope: Envelope
    envelope_salt: str
    fields: dict[str, RedactedCopyFieldsEntry]


class RefusedLine(TypedDict):
    status: Literal["refused", "failed"]
    problem: Problem


class Registration(TypedDict):
    signing_key: str
    validity: int
    deadline: int
    signature: Eip712Signature


class Relay(TypedDict):
    state: Literal["on-chain", "queued", "failed", "not-relayed"]
    outbox: str | None
    detail: NotRequired[str]


class ReplayRelatedEntry(TypedDict):
    number: int
    relation: Literal["predecessor", "successor", "format-1"]
    subject: Pid
    did: Did | None
    as_of: BlockTime | None
    checked: Checks
    not_checked: ChecksNotMade
    reach: Reach | None


class Replay(TypedDict):
    id: str
    state: Literal["waiting", "done", "failed"]
    case: str
    asked_at: Time
    done_at: Time | None
    error: ReplayFailure | None
    progress: ReplayProgress | None
    issued: list[ReportIssue]
    subject: Pid
    did: Did | None
    as_of: BlockTime | None
    checked: Checks
    not_checked: ChecksNotMade
    reach: Reach | None
    related: list[ReplayRelatedEntry]


class ReplayAsked(TypedDict):
    id: str
    state: Literal["waiting"]


class ReplayFailure(TypedDict):
    code: str
    detail: str


class ReplayOrderAnswer1(TypedDict):
    sha256: str
    block: int
    records: int


class ReplayOrder(TypedDict):
    id: str
    case: str
    regulator: Address
    broker: Address
    did: Did
    ordered_at: Time
    due_at: Time | None
    state: Literal["open", "due", "late", "answered", "answered-late"]
    answered_at: Time | None
    answer: ReplayOrderAnswer1 | None


class ReplayOrderRequest(TypedDict):
    broker: Address
    did: Did
    case: str
    due_at: NotRequired[Time]


class ReplayOrders(TypedDict):
    orders: list[ReplayOrder]


class ReplayProgressWaitsFor1(TypedDict):
    code: str
    detail: str


class ReplayProgress(TypedDict):
    before: int
    step: Literal["queued", "state", "history", "verification"]
    since: Time
    identity: int
    identities: int
    waits_for: ReplayProgressWaitsFor1 | None
    starts: int

ReplayReport: TypeAlias = "dict[str, Any]"


class ReplayRequest(TypedDict):
    case: str
    reason: str
    subject: NotRequired[str | None]
    did: NotRequired[str | None]
    lang: NotRequired[Literal["zh", "en"]]
    access: NotRequired[list[dict[str, Any]]]


class ReportIssue(TypedDict):
    record_id: str
    issued_at: Time
    anchored: bool
    identity: int
    document: Literal["bundle", "content", "page", "pdf"]
    report_form: Literal["full", "client"]
    language: Literal["zh", "en"] | None
    sha256: str
    bytes: int
    issued_to: str


class ReportIssuePayload(TypedDict):
    subject: str
    replay: str
    identity: int
    case: str
    order_id: str | None
    document: Literal["bundle", "content", "page", "pdf"]
    report_form: Literal["full", "client"]
    language: Literal["zh", "en"] | None
    sha256: str
    bytes: int
    block: int
    holds: bool
    proven: list[str]
    refuted: list[str]
    not_provable: list[str]
    issued_to: str


class Revocation(TypedDict):
    status: Literal["revoked"]
    id: str
    revoked_at: str


class RevocationRequest(TypedDict):
    reason: NotRequired[str | None]


class RiskConfirmPayload(TypedDict):
    product_id: str
    disclosure_ref: str
    items: list[str]
    lang: Literal["zh", "en"]
    text_sha256: str


class RiskDisclosePayload(TypedDict):
    product_id: str
    book: str
    book_sha256: str
    pages: int
    dwell_ms: int


class RollbackEarlierAnchor1(TypedDict):
    leaf: str
    path: str


class RollbackEarlierProof1(TypedDict):
    entry: str
    path: str


class RollbackEarlier(TypedDict):
    checkpoint: str
    anchor: RollbackEarlierAnchor1 | None
    proof: RollbackEarlierProof1


class RollbackLaterAnchor1(TypedDict):
    leaf: str
    path: str


class RollbackLaterProof1(TypedDict):
    entry: str
    path: str


class RollbackLaterProof2Other1(TypedDict):
    label: str
    entry: str


class RollbackLaterProof2(TypedDict):
    path: str
    other: RollbackLaterProof2Other1 | None


class RollbackLater(TypedDict):
    checkpoint: str
    anchor: RollbackLaterAnchor1 | None
    proof: RollbackLaterProof1 | RollbackLaterProof2


class Rollback(TypedDict):
    format: Literal["bonafides.rollback/2"]
    broker: str
    label: str
    earlier: RollbackEarlier
    later: RollbackLater


class RulesetRequest(TypedDict):
    document: NotRequired[dict[str, Any]]
    packaged: NotRequired[Literal["demo-short-validity@1", "sac-bands@1", "sac-bands@2", "sac-bands@3", "sac-bands@4"]]
    effective_from: NotRequired[Time]


class RulesetSummary(TypedDict):
    label: str
    record_label: str
    id: str
    version: str
    demo: bool
    effective_from: Time


class RulesetsRulesetsEntry(TypedDict):
    label: str
    record_label: str
    id: str
    version: str
    demo: bool
    effective_from: Time
    document: dict[str, Any]


class Rulesets(TypedDict):
    at: Time
    in_force: str | None
    rulesets: list[RulesetsRulesetsEntry]


class RunRequest(TypedDict):
    clients: NotRequired[list[str] | None]


class Session(TypedDict):
    token: str
    expires_at: Time


class SessionChallengeIdentity1(TypedDict):
    block: int
    keys: dict[str, str]
    nonce: int


class SessionChallenge(TypedDict):
    version: Literal["bonafides.session/1"]
    broker: Did
    did: str
    nonce: str
    expires_at: Time
    identity: SessionChallengeIdentity1 | None


class SessionChallengeRequest(TypedDict):
    did: str


class SessionRequest(TypedDict):
    did: str
    nonce: str
    key: str
    signature: str


class SponsoredAnswer(TypedDict):
    status: Literal["accepted"]
    did: Did
    outbox: str


class SponsoredCall1(TypedDict):
    did: Did
    deadline: int
    signature: Eip712Signature
    call: Literal["setAttribute"]
    name: str
    value: str
    validity: int


class SponsoredCall2(TypedDict):
    did: Did
    deadline: int
    signature: Eip712Signature
    call: Literal["revokeAttribute"]
    name: str
    value: str


class SponsoredCall3(TypedDict):
    did: Did
    deadline: int
    signature: Eip712Signature
    call: Literal["changeOwner"]
    new_owner: Address

SponsoredCall: TypeAlias = "SponsoredCall1 | SponsoredCall2 | SponsoredCall3"


class Staff(TypedDict):
    broker: Did
    staff: list[StaffKey]


class StaffEnd(TypedDict):
    key: str
    reason: Literal["LEFT", "OTHER_ROLE", "KEY_LOST", "KEY_STOLEN", "RENEWED"]


class StaffEndPayload(TypedDict):
    key: str
    enrolment_ref: str
    reason: Literal["LEFT", "OTHER_ROLE", "KEY_LOST", "KEY_STOLEN", "RENEWED"]


class StaffEnrolPayload(TypedDict):
    name: str
    role: Literal["reviewer", "committee", "compliance"]
    key: str
    expires_at: str
    proof: str


class StaffKey(TypedDict):
    name: str
    role: str
    key: str
    did: str
    subject: Pid
    expires_at: Time
    state: Literal["valid", "expired", "ended"]
    enrolment: Digest


class StaffRequest(TypedDict):
    broker: Did
    name: str
    role: Literal["reviewer", "committee", "compliance"]
    key: str
    expires_at: str
    proof: str


class StatusMember(TypedDict):
    address: Address
    did: Did
    name: str
    role: str
    suite: Literal["sha256-ed25519/1", "sm3-sm2/1"]
    state: str


class StatusChainIndexed1(TypedDict):
    number: int
    hash: str
    timestamp: int


class StatusChain(TypedDict):
    chain_id: int
    directory: Address
    indexed: StatusChainIndexed1 | None


class StatusWorker(TypedDict):
    seen_at: int | None
    stalled_since: int | None
    chain_head: int | None
    stopped: str | None
    tasks_seen_at: int | None


class StatusLogAnchor1(TypedDict):
    seq: int
    block: int


class StatusLogWrongEntry(TypedDict):
    seq: int
    reason: str
    decided_at: int
    promises: int


class StatusLog(TypedDict):
    size: int
    anchored: int
    oldest_unanchored_ms: int | None
    promises_broken: int
    promises_owed: int
    anchor: StatusLogAnchor1 | None
    wrong: list[StatusLogWrongEntry]


class StatusWitnessesEntry(TypedDict):
    member: Address
    name: str
    seq: int
    lag: int
    cosigned_at: int | None
    failed_since: int | None
    failure: str | None


class StatusWitnessedEntryAnew1(TypedDict):
    at: int
    reason: str
    seq: int


class StatusWitnessedEntry(TypedDict):
    member: Address
    name: str
    seq: int
    lag: int
    anew: StatusWitnessedEntryAnew1 | None


class StatusConvictionsEntry(TypedDict):
    member: Address
    name: str
    verified: int
    unseen: int
    refuted: int


class StatusCredentials(TypedDict):
    issued: int
    revoked: int


class StatusRetention(TypedDict):
    block: int | None
    at: int | None
    rows: dict[str, int]


class StatusAlarmsEntry(TypedDict):
    kind: str
    about: str
    detail: str
    count: int
    first_at: int
    last_at: int
    closed_at: int | None


class StatusTokensEntry(TypedDict):
    id: str
    name: str
    role: str
    created_at: str | None
    expires_at: str | None
    revoked_at: str | None
    state: Literal["valid"]
    ending: bool


class Status(TypedDict):
    member: StatusMember
    chain: StatusChain
    worker: StatusWorker
    log: StatusLog
    witnesses: list[StatusWitnessesEntry]
    witnessed: list[StatusWitnessedEntry]
    convictions: list[StatusConvictionsEntry]
    credentials: StatusCredentials
    findings: dict[str, int]
    outbox: dict[str, int]
    gas: dict[str, int]
    retention: StatusRetention
    subjects: int
    alarms: list[StatusAlarmsEntry]
    tokens: list[StatusTokensEntry]


class SubjectContinues1(TypedDict):
    format: int
    subject: Pid
    count: int
    head: Digest


class Subject(TypedDict):
    client_ref: str
    subject: Pid
    did: Did | None
    count: int
    head: Digest
    opened: bool
    continues: SubjectContinues1 | None


class SubjectAnswer(TypedDict):
    status: Literal["accepted"]
    client_ref: str
    subject: Pid
    did: Did | None
    outbox: str | None
    outbox_state: str | None


class SubjectRequest(TypedDict):
    client_ref: str
    did: NotRequired[Did]
    registration: NotRequired[Registration]
    act_registration: NotRequired[ActRegistration]
    succeeds: NotRequired[Any]
    product_id: NotRequired[str]

Task: TypeAlias = "dict[str, Any]"


class TaskSpecOwnersEntry(TypedDict):
    member: str
    dataset: str


class TaskSpecPolicy(TypedDict):
    min_contributors: int
    min_clients: int


class TaskSpec(TypedDict):
    format: Literal["bonafides.task/1"]
    task_id: str
    purpose: Literal["SUITABILITY_ASSESS", "QUALIFIED_CHECK", "AML_JOINT", "BLACKLIST_QUERY", "MARKET_RISK", "REGULATOR_STAT"]
    statistics: list[Literal["clients", "holding_risk", "leverage"]]
    owners: list[TaskSpecOwnersEntry]
    receivers: list[str]
    policy: TaskSpecPolicy
    deadline: str
    engine: Literal["masked-sum/1"]


class Tasks(TypedDict):
    tasks: list[Task]

Time: TypeAlias = "str"


class TimestampsTimestampsEntry(TypedDict):
    seq: int
    time: Time
    checkpoint: str
    token: str


class Timestamps(TypedDict):
    timestamps: list[TimestampsTimestampsEntry]
    next_after: int | None


class TrustFileBlock(TypedDict):
    number: int
    hash: str
    time: int


class TrustFileSigner(TypedDict):
    did: str
    alg: Literal["Ed25519", "SM2"]
    key: str


class TrustFile(TypedDict):
    format: Literal["bonafides.trust/2"]
    chain_id: int
    header_rule: str
    directory: str
    block: TrustFileBlock
    signer: TrustFileSigner
    signature: str
    validators: NotRequired[list[str]]


class VerifierPage(TypedDict):
    sha256: str
    bytes: int
    page: str
