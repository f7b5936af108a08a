"""The tables of one node, as SQLAlchemy Core metadata.

Times are milliseconds since the Unix epoch; digests are raw bytes.
Business data (payload, root salt) stands in `record` alone and never leaves the node but through a replay or a receipt.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    column,
    false,
    text,
    true,
)

from node_adapter.store.spelling import WHOLE, JsonMember, index_of_some

metadata = MetaData()

# Records of the house that later decisions rest on, few among many: a query that holds the same words uses their index.
HOUSE = column("house", Boolean) == true()

# The acts about consents, and the words that find one by the consent that it names.
CONSENT_TYPES = text("type IN ('CONSENT_GIVE', 'CONSENT_WITHDRAW')")
CONSENT_NAMED = JsonMember(column("payload", Text), "consent_id")

# What DIDs were told of, keys above all, and the words that find it by its value.
ATTRIBUTE_CHANGES = text("name = 'DIDAttributeChanged'")
ATTRIBUTE_VALUE = JsonMember(column("args", Text), "value")

# What is let go of once it is old (docs/adr/0091), and the words that find it.
WRITE_WITHOUT_ERROR = text("raw IS NOT NULL AND error IS NULL")
BLOCK_WITH_RECEIPTS = text("receipts NOT IN ('', '[]')")
TASK_WITH_STATE = text("engine_state IS NOT NULL")
ALARM_CLOSED = text("closed_at IS NOT NULL")

# What this database belongs to: chain_id, genesis, member, directory. A node refuses to start on any other.
setting = Table("setting", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

subject = Table(
    "subject",
    metadata,
    Column("pid", String(64), primary_key=True),
    Column("client_ref", String, nullable=False, unique=True),
    Column("did", String, unique=True),  # null for a subject that is no person, such as a product
    Column("created_at", BigInteger, nullable=False),
    Column("count", WHOLE, nullable=False),
    Column("head", LargeBinary(32), nullable=False),
    Column("state", Text, nullable=False),  # what each domain knows, as JSON: a cache of the fold over the records
    Column("kind", String, nullable=False, server_default="client"),  # client, product or house
    Column("opens", String),  # the product's id, or `matter:name` of the house
    Column("label", LargeBinary(32)),  # under which its next record has to lie; null in rows of before revision 19
    Column("joined", Boolean, nullable=False, server_default=false()),  # the client's own OPENING is a record of it
    Column("former_count", WHOLE),  # of the history of format 1 that it continues, and that one's head; null of none
    Column("former_head", LargeBinary(32)),
    index_of_some("subject_continuing", "pid", where=text("former_count IS NOT NULL")),
)

subject_entry = Table(  # what domains know of a subject under keys, as JSON: a part of the same cache
    "subject_entry",
    metadata,
    Column("pid", String(64), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,  # what is found by its key alone
)

record = Table(
    "record",
    metadata,
    Column("log_index", WHOLE, primary_key=True, autoincrement=False),
    Column("record_id", String(36), nullable=False, unique=True),
    Column("source_ref", String, nullable=False, unique=True),  # the caller's own id: a fact is stored once
    Column("request_digest", LargeBinary(32), nullable=False),
    Column("pid", String(64), nullable=False),
    Column("seq", WHOLE, nullable=False),
    Column("type", String, nullable=False),  # empty once erased
    Column("envelope", LargeBinary, nullable=False),  # RFC 8785 bytes, that the fingerprint covers; empty once erased
    Column("payload", Text),  # null once erased
    Column("root_salt", LargeBinary(32)),  # null once erased
    Column("envelope_salt", LargeBinary(32)),  # of the root salt; kept when that is erased: it opens no field
    Column("fingerprint", LargeBinary(32), nullable=False, unique=True),
    Column("act_signature", String, unique=True),  # what was signed is recorded once: a signature, or staff's digest
    Column("accepted_at", BigInteger, nullable=False),
    Column("block", WHOLE),  # the index's newest at acceptance; null in rows of before revision 5
    Column("anchor_by", BigInteger),  # both null while the promise is owed
    Column("promise", Text),
    Column("house", Boolean, nullable=False, server_default=false()),  # later decisions rest on it
    Column("broken_at", BigInteger),  # when this node noticed that the promise was broken; null while it was not
    Column("label", LargeBinary(32)),  # under which it lies in the map; these three are null in records of format 1
    Column("next", LargeBinary(32)),  # under which the record after has to lie
    Column("entry", LargeBinary(32)),  # what log and map hold of it
    Column("nonce", LargeBinary(16)),  # of the client's act: none of a subject's is used twice
    UniqueConstraint("pid", "seq"),
    index_of_some("record_owed", "log_index", where=text("promise IS NULL")),
    index_of_some("record_owed_to", "pid", "log_index", where=text("promise IS NULL")),
    index_of_some("record_broken", "log_index", where=text("broken_at IS NOT NULL")),
    index_of_some("record_of_house", "log_index", where=HOUSE),
    index_of_some("record_nonce", "pid", "nonce", unique=True, where=text("nonce IS NOT NULL")),
    index_of_some("record_of_consent", CONSENT_NAMED, where=CONSENT_TYPES),
)

# The ERASE records (docs/spec/evidence-2.md, section 2.2) that came through this node's door.
erasure = Table(
    "erasure",
    metadata,
    Column("log_index", WHOLE, primary_key=True, autoincrement=False),  # of the ERASE record
    Column("pid", String(64), nullable=False),
    Column("done_at", BigInteger),  # null until nothing is left of what it names
    index_of_some("erasure_waiting", "log_index", where=text("done_at IS NULL")),
    Index("erasure_of", "pid"),
)

finding = Table(
    "finding",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("record_id", String(36), nullable=False, index=True),
    Column("code", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("detail", Text, nullable=False),
)

# The callers' references under which something was recorded in format 1: nothing is recorded under one again.
former_reference = Table("former_reference", metadata, Column("source_ref", String, primary_key=True))

# Anchors of format 1, as release 1 wrote them: there are some in the database that a migration left behind.
former_anchor = Table(
    "anchor",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("size", WHOLE, nullable=False, index=True),
    Column("root", LargeBinary(32), nullable=False),
    Column("prev_root", LargeBinary(32), nullable=False),
    Column("map_root", LargeBinary(32), nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("built_at", BigInteger, nullable=False),
    Column("block", WHOLE),  # the four are null until the anchor is final
    Column("block_hash", LargeBinary(32)),
    Column("tx_hash", LargeBinary(32)),
    Column("log_position", WHOLE),  # the log's index inside its transaction's receipt
    Column("block_time", BigInteger),
)

# The anchors of this member, whose leaves the chain makes (format 2): the first is leaf 2.
log_anchor = Table(
    "log_anchor",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("size_before", WHOLE, nullable=False),
    Column("size", WHOLE, nullable=False, index=True),
    Column("batch_root", LargeBinary(32), nullable=False),
    Column("map_root", LargeBinary(32), nullable=False),
    Column("built_at", BigInteger, nullable=False),
    Column("checkpoint", Text),  # the signed note; this and what follows is null until the anchor is final
    Column("block", WHOLE),
    Column("block_hash", LargeBinary(32)),
    Column("tx_hash", LargeBinary(32)),
    Column("log_position", WHOLE),  # the event's index inside its transaction's receipt
    Column("block_time", BigInteger),
)

# Anchors that an operator named as wrong (docs/spec/evidence-2.md, section 8.4): every later checkpoint names them.
wrong_anchor = Table(
    "wrong_anchor",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("promises", WHOLE, nullable=False),  # how many were broken by it
)

# Every chain write of the member. state: new -> signed -> sent -> final | failed
outbox = Table(
    "outbox",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Column("target", String(42), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("nonce", WHOLE),
    Column("raw", LargeBinary),
    Column("tx_hash", LargeBinary(32)),
    Column("block", WHOLE),
    Column("block_hash", LargeBinary(32)),
    Column("gas_used", WHOLE),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    index_of_some("outbox_settled", "block", where=WRITE_WITHOUT_ERROR),
)

# Each transaction that was signed for a write, also those that another one replaced: any of them settles it.
outbox_attempt = Table(
    "outbox_attempt",
    metadata,
    Column("tx_hash", LargeBinary(32), primary_key=True),
    Column("row_id", WHOLE, nullable=False, index=True),
    Column("nonce", WHOLE, nullable=False),
    Column("max_fee", BigInteger, nullable=False),  # wei for one unit of gas, at most
    Column("raw", LargeBinary, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
)

# This member's transactions in indexed blocks, whoever sent them: which nonces are used is read here and nowhere else.
own_transaction = Table(
    "own_transaction",
    metadata,
    Column("nonce", WHOLE, primary_key=True, autoincrement=False),
    Column("tx_hash", LargeBinary(32), nullable=False, unique=True),
    Column("block", WHOLE, nullable=False, index=True),
    Column("block_hash", LargeBinary(32), nullable=False),
    Column("block_time", BigInteger, nullable=False),
    Column("succeeded", Boolean, nullable=False),
    Column("gas_used", BigInteger, nullable=False),
)

chain_block = Table(
    "chain_block",
    metadata,
    Column("number", WHOLE, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("parent_hash", LargeBinary(32), nullable=False),
    Column("timestamp", BigInteger, nullable=False),  # seconds, as in the header
    Column("header", LargeBinary, nullable=False),  # RLP
    Column("receipts", Text, nullable=False),  # JSON list of the encoded receipts, hex; empty once they are let go of
    index_of_some("chain_block_receipts", "number", where=BLOCK_WITH_RECEIPTS),
)

chain_event = Table(
    "chain_event",
    metadata,
    Column("block", WHOLE, primary_key=True),
    Column("log_index", WHOLE, primary_key=True),  # the index in the block
    Column("tx_index", WHOLE, nullable=False),
    Column("log_position", WHOLE, nullable=False),  # the index in the transaction's receipt
    Column("tx_hash", LargeBinary(32), nullable=False),
    Column("address", String(42), nullable=False),
    Column("contract", String, nullable=False),
    Column("name", String, nullable=False),
    Column("topic1", String(66)),  # the first indexed argument, 0x hex of 32 bytes: identity, member, consent, task
    Column("args", Text, nullable=False),
    Index("chain_event_by_topic", "contract", "topic1", "block", "log_index"),
    Index("chain_event_by_name", "contract", "topic1", "name", "block", "log_index"),
    index_of_some("chain_event_by_value", ATTRIBUTE_VALUE, where=ATTRIBUTE_CHANGES, equality=True),
)

ruleset = Table(
    "ruleset",
    metadata,
    Column("label", String, primary_key=True),
    Column("effective_from", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

credential = Table(
    "credential",
    metadata,
    Column("id", String, primary_key=True),
    Column("pid", String(64), nullable=False, index=True),
    Column("type", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("status_index", WHOLE, nullable=False, unique=True),
    Column("issued_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    index_of_some("credential_revoked", "status_index", where=text("revoked_at IS NOT NULL")),
)

consent = Table(
    "consent",
    metadata,
    Column("consent_id", String(64), primary_key=True),
    Column("pid", String(64), nullable=False, index=True),
    Column("purpose", String, nullable=False),
    Column("receivers", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("credential", Text, nullable=False),
    Column("salt", LargeBinary(32)),  # with the credential it shows what the id on the chain stands for
    Column("given_at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    index_of_some("consent_in_force", "purpose", "expires_at", where=text("withdrawn_at IS NULL")),
)

proof_nonce = Table(
    "proof_nonce",
    metadata,
    Column("nonce", String, primary_key=True),
    Column("use", String, nullable=False),  # proof, session or peer: a nonce of one kind serves no other
    Column("holder", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
)

token = Table(
    "token",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),  # SHA-256: the token itself is not stored
    Column("name", String, nullable=False),  # the person or system that holds it
    Column("role", String, nullable=False),
    Column("did", String),  # of a client's session
    Column("created_at", BigInteger),  # null for a token from before this column
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("token_by_did", "role", "did"),
    Index("token_by_end", "role", "expires_at"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String, primary_key=True),
    Column("route", String, primary_key=True),
    Column("request_digest", LargeBinary(32), nullable=False),
    Column("status", WHOLE, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("content_type", String, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("owner", String, nullable=False, server_default=""),  # the process that works on the request
)

replay_order = Table(
    "replay_order",
    metadata,
    Column("id", String, primary_key=True),
    Column("case_number", String, nullable=False),
    Column("regulator", String(42), nullable=False),
    Column("broker", String(42), nullable=False),
    Column("did", String, nullable=False, index=True),
    Column("ordered_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("message", Text),  # as the regulator signed it; null in rows of before revision 8
    Column("due_at", BigInteger),  # until when it is to be answered; null in rows of before revision 33
    Column("answer", Text),  # at the regulator, JSON: by which bundle it was answered
    UniqueConstraint("case_number", "did"),
    index_of_some("replay_order_open", "due_at", where=text("answered_at IS NULL")),
)

# Replays that were asked for, each after the looks that it makes were recorded. state: waiting -> done | failed
replay = Table(
    "replay",
    metadata,
    Column("id", String(36), primary_key=True),  # in the order of time
    Column("state", String, nullable=False),
    Column("asked", Text, nullable=False),  # what was asked for, as JSON
    Column("asked_at", BigInteger, nullable=False, index=True),
    Column("done_at", BigInteger),
    Column("error", Text),  # of a failed one, as JSON
    Column("progress", Text),  # how far it is while it waits, as JSON
    index_of_some("replay_waiting", "id", where=text("state = 'waiting'")),
)

# What a replay gave, for each identity of the client: originals, which are kept for days and not for years.
replay_document = Table(
    "replay_document",
    metadata,
    Column("replay", String(36), primary_key=True),
    Column("number", WHOLE, primary_key=True, autoincrement=False),  # 0 is the identity that was asked for
    Column("relation", String, nullable=False),
    Column("subject", String(64), nullable=False, index=True),
    Column("did", String),
    Column("standing", Text, nullable=False),  # as of when, what was checked and what was not, as JSON
    Column("bundle", Text, nullable=False),
    Column("report_html", Text, nullable=False),
    Column("report", Text, nullable=False),
)

# Proofs of the chain's state that a process waits for; the chain process takes them, and the one that asked drops them.
state_request = Table(
    "state_request",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("wanted", Text, nullable=False),  # slots by account, as JSON
    Column("asked_at", BigInteger, nullable=False, index=True),
    Column("answer", Text),  # the proof, or why there is none, as JSON
    index_of_some("state_request_open", "id", where=text("answer IS NULL")),
)

# One row per approved joint computation that this member takes part in.
task = Table(
    "task",
    metadata,
    Column("task_id", String(64), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("run_requested", Boolean, nullable=False),
    Column("commitment", LargeBinary),
    Column("result", Text),
    Column("error", Text),
    Column("updated_at", BigInteger, nullable=False),
    Column("engine_state", LargeBinary),  # secret: what the task's engine keeps of this member's input
    Column("started_at", BigInteger),
    index_of_some("task_with_state", "updated_at", where=TASK_WITH_STATE),
)

task_client = Table(
    "task_client",
    metadata,
    Column("task_id", String(64), primary_key=True),
    Column("pid", String(64), primary_key=True, index=True),
    Column("consent_id", String(64), nullable=False),
)

task_message = Table(
    "task_message",
    metadata,
    Column("task_id", String(64), primary_key=True),
    Column("sender", String(42), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("body", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index("task_message_received", "received_at"),
)

alarm = Table(
    "alarm",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("kind", String, nullable=False),
    Column("about", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("count", WHOLE, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),  # null while it is open
    UniqueConstraint("kind", "about"),
    index_of_some("alarm_open", "kind", where=text("closed_at IS NULL")),
    index_of_some("alarm_closed", "closed_at", where=ALARM_CLOSED),
)

# The map from label to entry, in three tables (ADR 58).

map_anchor = Table(
    "map_anchor",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("leaves", BigInteger, nullable=False),
    Column("changed", LargeBinary, nullable=False),  # the tops of the segments that it changed, as they were before
)

map_segment = Table(
    "map_segment",
    metadata,
    Column("segment", WHOLE, primary_key=True, autoincrement=False),  # the first 16 bits of its labels
    Column("depth", WHOLE, nullable=False),  # it has 2^depth rows, of which those without a leaf are not stored
    Column("leaves", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

map_row = Table(
    "map_row",
    metadata,
    Column("key", WHOLE, primary_key=True, autoincrement=False),  # the first 62 bits of its lowest label
    Column("anchor", BigInteger, nullable=False),  # the newest of those under which its leaves were added
    Column("leaves", WHOLE, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("data", LargeBinary, nullable=False),  # label, entry and anchor of each leaf, by label
)

# The chain's tree over this member's anchors (format 2), written as anchors become final.
log_leaf = Table(
    "log_leaf",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
)

log_node = Table(
    "log_node",
    metadata,
    Column("level", WHOLE, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,  # millions of short rows that are found by their key alone
)

# The same of every broker's log, made of the index when somebody asks for a proof about it.
member_log_node = Table(
    "member_log_node",
    metadata,
    Column("broker", String(42), primary_key=True),
    Column("level", WHOLE, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

# What this member keeps of other members' logs, whose growth it checks: the state, and the note that it cosigned last.
witnessed = Table(
    "witnessed",
    metadata,
    Column("broker", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("map_root", LargeBinary(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("wrong", Text, nullable=False),  # numbers of anchors, with a space between
    Column("note", Text, nullable=False),
)

# How the map grew under each anchor: with the batch it is the append proof that a witness is shown.
log_growth = Table(
    "log_growth",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("walk", Text, nullable=False),
    Column("hashes", LargeBinary, nullable=False),  # each of 32 bytes, one after another
)

# Cosignatures of other members under this member's last checkpoints: lines of a note.
cosignature = Table(
    "cosignature",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("witness", String(42), primary_key=True),
    Column("line", Text, nullable=False),
)

# Tokens of a time-stamp authority over this member's checkpoints (RFC 3161), each verified before it was kept.
timestamp_token = Table(
    "timestamp_token",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),  # that the authority states
    Column("note", Text, nullable=False),  # over whose text it is
    Column("token", LargeBinary, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
)

# How far each other member has come as a witness of this member's log, and what kept it from going on.
cosigner = Table(
    "cosigner",
    metadata,
    Column("witness", String(42), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the newest checkpoint that it cosigned; 0 of none
    Column("cosigned_at", BigInteger),
    Column("failed_since", BigInteger),  # this and the next are null while it answers
    Column("failure", Text),
)

# Documents by which other members convict themselves, and digests of such that the chain names.
conviction = Table(
    "conviction",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("convicted", String(42), primary_key=True),
    Column("kind", WHOLE, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("noted_at", BigInteger, nullable=False),
    Column("matter", Text),
    Column("document", Text),
    Column("problem", Text),
    Column("tries", WHOLE, nullable=False),
    Column("due_at", BigInteger),
    Index("conviction_matter", "convicted", "matter"),
    Index("conviction_noted", "noted_at"),
    Index("conviction_noted_of", "convicted", "noted_at"),
    Index("conviction_states", "convicted", "state"),
    index_of_some("conviction_due", "tries", "due_at", where=text("due_at IS NOT NULL")),
)

# Logs with which this member began anew as a witness, since the chain had lost what it cosigned: what was kept, why.
witness_anew = Table(
    "witness_anew",
    metadata,
    Column("broker", String, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", Text, nullable=False),  # the checkpoint that was cosigned last: with another one it may convict
)
