"""What a query costs does not grow with the age of the node: every function of the store is asked at two ages.

Cost is the number of steps of SQLite's virtual machine, which no load of this machine changes. To count a whole table
is one step, which reads the smallest index of it: the status page does that.
"""

import importlib
import inspect
import pkgutil
from dataclasses import replace

import pytest

import node_adapter.store as package
from evidence.log.tree import consistency_proof, inclusion_path
from evidence.version2.log.growth import GrowthState
from evidence.version2.map.append_proof import AppendProof
from node_adapter.ports import TransactionOutcome
from node_adapter.store import (
    alarms,
    anchor_tree,
    anchors,
    consents,
    convictions,
    cosignatures,
    credentials,
    erasures,
    former,
    former_records,
    former_turn,
    house_records,
    idempotency,
    identity,
    log_growth,
    log_walk,
    nonces,
    outbox,
    own_transactions,
    records,
    replay_orders,
    replays,
    restored,
    retention,
    rulesets,
    snapshot,
    state_requests,
    subject_entries,
    subjects,
    tasks,
    timestamp_tokens,
    tokens,
    witnessed,
    wrong_anchors,
)
from node_adapter.store.chain import (
    blocks,
    consent_registry,
    conviction_registry,
    did_registry,
    directory,
    event_log,
    evidence,
    evidence_anchor,
    evidence_log,
    log_trees,
    member_registry,
    proposals,
    task_registry,
)
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.store.former import FormerLog
from node_adapter.store.map import removal
from node_adapter.store.map import rows as map_rows
from node_adapter.store.schema import log_node
from primitives.errors import CouldNotCheck
from tests.unit.node_adapter.aged_store import (
    ADDRESS,
    BUSY,
    CLIENT,
    CONSENT,
    DID,
    LABEL,
    MEMBER,
    NOW,
    TASK,
    Steps,
    aged_store,
    anchor,
    digest,
    leaf,
    record,
)

YOUNG, OLD = 150, 1500
SPELLINGS = (
    "add_once",
    "upsert",
    "move_places",
    "add_many",
    "update_many",
)  # of writes: who calls one of them is asked
PIDS = [CLIENT]
ENTRY = subject_entries.SubjectEntryRow(CLIENT, "suitability/tracks/P2", "{}")
MINED = TransactionOutcome(digest("tx", 6), 9, b"", 9, True, 1, 6)
ATTEMPT = outbox.Attempt(digest("tx", 1), 2, 7, 1, b"raw", 1)
EVENT = event_log.ChainEvent(10_000, 0, 0, 0, b"", ADDRESS, "DidRegistry", "E", "0x", {})
NEW_LEAF = replace(EVENT, contract="EvidenceLog", topic1=event_log.address_topic(MEMBER))
ANSWER = idempotency.StoredAnswer("mine", "r", b"", 0, b"", "", NOW, "")
NONCE = nonces.NonceRow("mine", "proof", DID, "p", NOW, None)
ORDER = replay_orders.OrderRow("mine", "case", MEMBER, MEMBER, DID, 1, None)
WRITE = outbox.OutboxRow(1, "did", "k", ADDRESS, b"", "failed", *[None] * 7, 1, 1)
BLOCK = event_log.ChainBlock(10_000, b"h", b"p", 1, b"", ())
GRANT = consents.ConsentRow(CONSENT, CLIENT, "p", "[]", NOW, "{}", 1, None)
ISSUED = credentials.CredentialRow("mine", CLIENT, "T", "{}", 100_000, 1, None)
SUBJECT = subjects.SubjectRow("ee" * 32, "new", None, 0, 0, b"", "{}", b"")
WORKER = identity.WorkerStatus(1, None, 1, None)
TOKEN = tokens.TokenRow(b"mine", "n", "operator", None, None, None, None)
RECORD_ID = "019aa3b1-5c10-7000-8000-000000000001"
NEW_RECORD = records.RecordRow(**record(100_000, "ee" * 32, 1))
SEGMENT = map_rows.segment_of(LABEL)
MAP_SEGMENT = map_rows.SegmentRow(SEGMENT, 0, 1, b"")
MAP_ROW = map_rows.MapRow(1, 3, 1, b"", b"")
LOG = "did:ethr:0x1:0x" + "00" * 20
WITNESSED = GrowthState(10, bytes(32), bytes(32), 10, (3, 7))
REPLAY = replays.ReplayRow("mine", replays.WAITING, {}, NOW)
REPLAYED = replays.ReplayPart(0, "", CLIENT, None, {})
STATE_REQUEST = state_requests.StateRequest("mine", {ADDRESS: [bytes(32)]}, NOW)
GREW = AppendProof(bytes(32), bytes(32), (), "h", (bytes(32),))
FINDING = records.FindingRow("100000", "CODE", "r", "d")
CONVICTION = convictions.ConvictionRow("00" * 32, ADDRESS, 1, convictions.VERIFIED, NOW, matter="m", document="{}")


STAMPED = timestamp_tokens.TimestampToken(100_000, 1, "note", b"token", 1)
LITTLE, MUCH = retention.Limits(50, 0, 0), retention.Limits(10_000, NOW, NOW)
WRONG = wrong_anchors.WrongAnchor(7, "why", 1, 1)
# What is asked, as the node asks it; `size` is the log's.
CALLS = {
    "alarms.raise_alarm": lambda c, size: alarms.raise_alarm(c, "k", "a", "d", NOW),
    "alarms.close_alarm": lambda c, size: alarms.close_alarm(c, "resend-blocked", NOW),
    "alarms.raise_failed": lambda c, size: alarms.raise_failed(c, WRITE, "d", NOW),
    "alarms.open_detail": lambda c, size: alarms.open_detail(c, "resend-blocked", "a"),
    "alarms.list_alarms": lambda c, size: alarms.list_alarms(c),
    "alarms.is_open": lambda c, size: alarms.is_open(c, "resend-blocked"),
    "anchor_tree.tree_size": lambda c, size: anchor_tree.tree_size(c),
    "anchor_tree.append_leaf": lambda c, size: anchor_tree.append_leaf(c, leaf(anchor_tree.tree_size(c) + 1)),
    "anchor_tree.peaks_at": lambda c, size: anchor_tree.peaks_at(c, anchor_tree.tree_size(c)),
    "anchor_tree.node_reader": lambda c, size: anchor_tree.node_reader(c, _proofs(anchor_tree.tree_size(c))),
    "anchor_tree.read_nodes": lambda c, size: anchor_tree.read_nodes(c, log_node, _proofs(anchor_tree.tree_size(c))),
    "anchor_tree.node": lambda c, size: anchor_tree.node(c, 0, 3),
    "anchor_tree.find_leaf": lambda c, size: anchor_tree.find_leaf(c, 3),
    "anchor_tree.node_row": lambda c, size: anchor_tree.node_row(c, 0, 0, 100),
    "anchor_tree.leaves": lambda c, size: anchor_tree.leaves(c, 20, 100),
    "anchor_tree.truncate": lambda c, size: anchor_tree.truncate(c, anchor_tree.tree_size(c) - 3),
    "anchors.last_final": lambda c, size: anchors.last_final(c),
    "anchors.last_signed": lambda c, size: anchors.last_signed(c),
    "anchors.find_final": lambda c, size: anchors.find_final(c, 3),
    "anchors.put_checkpoint": lambda c, size: anchors.put_checkpoint(c, 3, "note"),
    "anchors.last_final_at": lambda c, size: anchors.last_final_at(c, 10_000_000),
    "anchors.first_covering": lambda c, size: anchors.first_covering(c, size - 8),
    "anchors.anchored_size": lambda c, size: anchors.anchored_size(c),
    "anchors.latest": lambda c, size: anchors.latest(c),
    "anchors.by_seq": lambda c, size: anchors.by_seq(c, 3),
    "anchors.add": lambda c, size: anchors.add(c, anchors.AnchorRow(**anchor(100_000, size, None))),
    "anchors.settle": lambda c, size: anchors.settle(
        c, 3, checkpoint="note", block=1, block_hash=b"", tx_hash=b"", log_position=0, block_time=1
    ),
    "anchors.latest_counted": lambda c, size: anchors.latest_counted(c, 1_000_000),
    "anchors.drop_from": lambda c, size: anchors.drop_from(c, anchors.latest(c).seq),
    "anchors.reopen": lambda c, size: anchors.reopen(c, 10_000),
    "chain.evidence.headers": lambda c, size: evidence.headers(c),
    "chain.evidence.header": lambda c, size: evidence.header(c, 2),
    "chain.evidence.receipts": lambda c, size: evidence.receipts(c, 2),
    "chain.directory.address_ranges": lambda c, size: directory.address_ranges(c),
    "chain.blocks.find_block": lambda c, size: blocks.find_block(c, 2),
    "chain.directory.find_address": lambda c, size: directory.find_address(c, "DidRegistry"),
    "chain.evidence.key_events": lambda c, size: evidence.key_events(c, MEMBER, ADDRESS, None),
    "chain.evidence_anchor.anchored": lambda c, size: evidence_anchor.anchored(c, MEMBER, after_block=10_000),
    "chain.evidence_log.leaves": lambda c, size: evidence_log.leaves(c, MEMBER, [ADDRESS], after_block=10_000),
    "chain.evidence_log.leaf_events": lambda c, size: evidence_log.leaf_events(
        c, MEMBER, [ADDRESS], after_block=10_000
    ),
    "chain.evidence_log.leaves_in": lambda c, size: evidence_log.leaves_in(c, [NEW_LEAF], MEMBER),
    "chain.evidence_log.last_anchored": lambda c, size: evidence_log.last_anchored(c, MEMBER),
    "chain.evidence_log.contracts": lambda c, size: evidence_log.contracts(c),
    "chain.evidence_log.last_anchor": lambda c, size: evidence_log.last_anchor(c, MEMBER, ADDRESS),
    "chain.evidence_log.takeovers": lambda c, size: evidence_log.takeovers(c, MEMBER, [ADDRESS]),
    "chain.evidence_log.last_anchor: covering": lambda c, size: LogLeaves(c, MEMBER, [ADDRESS], 10_000).covering(7),
    "chain.log_trees.node": lambda c, size: log_trees.node(c, MEMBER, 0, 7),
    "chain.log_trees.forget": lambda c, size: log_trees.forget(c, MEMBER),
    "chain.log_trees.tree_size": lambda c, size: log_trees.tree_size(c, MEMBER),
    "chain.log_trees.peaks_at": lambda c, size: log_trees.peaks_at(c, MEMBER, log_trees.tree_size(c, MEMBER)),
    "chain.log_trees.node_reader": lambda c, size: log_trees.node_reader(
        c, MEMBER, _proofs(log_trees.tree_size(c, MEMBER))
    ),
    "chain.log_trees.peaks_at: extended": lambda c, size: log_trees.extend(LogLeaves(c, MEMBER, [ADDRESS], 10_000)),
    "chain.directory.named_contracts": lambda c, size: directory.named_contracts(c, 50),
    "chain.did_registry.did_changes": lambda c, size: did_registry.did_changes(c, MEMBER, [ADDRESS], 50),
    "chain.member_registry.active_members": lambda c, size: member_registry.active_members(c, ADDRESS, 50),
    "chain.event_log.newest_of_each": lambda c, size: event_log.newest_of_each(
        c, contract="MemberRegistry", names=("MemberAdmitted",), address=ADDRESS, up_to_block=50
    ),
    "chain.evidence_anchor.last_anchored": lambda c, size: evidence_anchor.last_anchored(c, MEMBER),
    "chain.member_registry.is_signing_key": lambda c, size: member_registry.is_signing_key(c, bytes(32)),
    "chain.member_registry.member_histories": lambda c, size: member_registry.member_histories(c),
    "chain.member_registry.history_in": lambda c, size: member_registry.history_in(c, MEMBER, ADDRESS, 50),
    "chain.proposals.open_proposals": lambda c, size: proposals.open_proposals(c),
    "chain.proposals.proposal_made_by": lambda c, size: proposals.proposal_made_by(c, None),
    "chain.task_registry.commitment_of": lambda c, size: task_registry.commitment_of(c, TASK, MEMBER),
    "chain.blocks.find_tip": lambda c, size: blocks.find_tip(c),
    "chain.blocks.block_at": lambda c, size: blocks.block_at(c, 2),
    "chain.event_log.events": lambda c, size: event_log.events(c, contract="DidRegistry", topic1=_topic()),
    "chain.event_log.last_event": lambda c, size: event_log.last_event(
        c, contract="DidRegistry", name="DIDCallSponsored", topic1=_topic()
    ),
    "chain.event_log.last_event: anchors": lambda c, size: event_log.last_event(
        c, contract="EvidenceAnchor", name="Anchored", topic1=event_log.address_topic(MEMBER)
    ),
    "chain.event_log.events: anchors": lambda c, size: event_log.events(
        c, contract="EvidenceAnchor", name="Anchored", topic1=event_log.address_topic(MEMBER)
    ),
    "chain.event_log.append": lambda c, size: event_log.append(c, [BLOCK], [EVENT]),
    "chain.event_log.truncate": lambda c, size: event_log.truncate(c, 10_000),
    "chain.blocks.tip": lambda c, size: blocks.tip(c),
    "chain.member_registry.members": lambda c, size: member_registry.members(c),
    "chain.member_registry.require_active_member": lambda c, size: member_registry.require_active_member(c, MEMBER),
    "chain.member_registry.key_sets": lambda c, size: member_registry.key_sets(c, MEMBER),
    "chain.member_registry.registered_keys": lambda c, size: member_registry.registered_keys(c, MEMBER),
    "consents.insert_consent": lambda c, size: consents.insert_consent(c, GRANT),
    "consents.find_consent": lambda c, size: consents.find_consent(c, CONSENT),
    "consents.by_ids": lambda c, size: consents.by_ids(c, [CONSENT]),
    "consents.recorded_acts": lambda c, size: consents.recorded_acts(c, [CONSENT]),
    "consents.known_ids": lambda c, size: consents.known_ids(c, CONSENT, 10),
    "consents.of_subject": lambda c, size: consents.of_subject(c, CLIENT),
    "consents.for_purpose": lambda c, size: consents.for_purpose(c, "p", NOW),
    "consents.mark_withdrawn": lambda c, size: consents.mark_withdrawn(c, CONSENT, NOW),
    "consents.mark_recorded": lambda c, size: consents.mark_recorded(c, CLIENT, CONSENT, NOW),
    "consents.end_all": lambda c, size: consents.end_all(c, CLIENT, NOW),
    "cosignatures.with_cosigners": lambda c, size: cosignatures.with_cosigners(c, size - 3, "note"),
    "cosignatures.cosigners": lambda c, size: cosignatures.cosigners(c),
    "cosignatures.add": lambda c, size: cosignatures.add(c, size, MEMBER, "line", NOW),
    "cosignatures.note_failure": lambda c, size: cosignatures.note_failure(c, MEMBER, "why", NOW),
    "cosignatures.forget_from": lambda c, size: cosignatures.forget_from(c, size - 3),
    "credentials.next_status_index": lambda c, size: credentials.next_status_index(c, 131_072, lambda: 7),
    "credentials.begin_fresh_list": lambda c, size: credentials.begin_fresh_list(c),
    "credentials.list_exists": lambda c, size: credentials.list_exists(c, 2, 131_072),
    "credentials.insert_credentials": lambda c, size: credentials.insert_credentials(c, [ISSUED]),
    "credentials.find_credential": lambda c, size: credentials.find_credential(c, "mine"),
    "credentials.by_ids": lambda c, size: credentials.by_ids(c, ["mine"]),
    "credentials.revoke_all": lambda c, size: credentials.revoke_all(c, CLIENT, NOW),
    "credentials.mark_revoked": lambda c, size: credentials.mark_revoked(c, "mine", NOW),
    "credentials.revoked_places": lambda c, size: credentials.revoked_places(c, 1, 131_072),
    "credentials.of_subject": lambda c, size: credentials.of_subject(c, CLIENT, "T"),
    "credentials.valid_of_subject": lambda c, size: credentials.valid_of_subject(c, CLIENT),
    "credentials.every_of_subject": lambda c, size: credentials.every_of_subject(c, CLIENT),
    "credentials.revision": lambda c, size: credentials.revision(c),
    "credentials.counts": lambda c, size: credentials.counts(c),
    "erasures.add": lambda c, size: erasures.add(c, erasures.ErasureRow(100_000, CLIENT)),
    "erasures.first_waiting": erasures.first_waiting,
    "erasures.move_from": lambda c, size: erasures.move_from(c, size - 3, 2),
    "erasures.waiting_of": lambda c, size: erasures.waiting_of(c, CLIENT),
    "erasures.done_of": lambda c, size: erasures.done_of(c, [CLIENT]),
    "erasures.find": lambda c, size: erasures.find(c, 3),
    "erasures.mark_done": lambda c, size: erasures.mark_done(c, 3, NOW),
    "erasures.overwrite_what_is_deleted": lambda c, size: erasures.overwrite_what_is_deleted(c),
    "erasures.wipe": lambda c, size: erasures.wipe(c, [size - 3]),
    "erasures.put_state": lambda c, size: erasures.put_state(c, CLIENT, "{}"),
    "erasures.forget_credential": lambda c, size: erasures.forget_credential(c, "c7", "null"),
    "erasures.forget_consent": lambda c, size: erasures.forget_consent(c, CLIENT, CONSENT),
    "erasures.forget_use": lambda c, size: erasures.forget_use(c, CLIENT, TASK),
    "erasures.forget_order": lambda c, size: erasures.forget_order(c, CLIENT),
    "erasures.answers_that_show": lambda c, size: erasures.answers_that_show(c, [RECORD_ID]),
    "erasures.forget_answers": lambda c, size: erasures.forget_answers(c, [("k7", "r")]),
    "former.find_log": lambda c, size: former.find_log(c),
    "former.first_index": lambda c, size: former.first_index(c),
    "former.known_references": lambda c, size: former.known_references(c, ["a", "b"]),
    "former.members": lambda c, size: former.members(c),
    "former.put_members": lambda c, size: former.put_members(c, {}),
    "former_records.require_log": lambda c, size: former_records.require_log(c, FormerLog("", 1, "", 0, "", 0, "")),
    "former.put_log": lambda c, size: former.put_log(c, FormerLog(ADDRESS, 1, ADDRESS, 1, "", 1, "")),
    "former.forget_references": lambda c, size: former.forget_references(c, ["a"]),
    "former_records.wipe": lambda c, size: former_records.wipe(c, [records.at(c, size - 3)]),
    "former_records.first_covering": lambda c, size: former_records.first_covering(c, 3),
    "former_records.anchors": lambda c, size: former_records.anchors(c),
    "former_records.fingerprints": lambda c, size: former_records.fingerprints(c, size - 5, size),
    "former_records.heads_in": lambda c, size: former_records.heads_in(c, size - 5, size),
    "former_records.holds_format_2": lambda c, size: former_records.holds_format_2(c),
    "former_records.promised": lambda c, size: former_records.promised(c),
    "former_turn.turn": lambda c, size: former_turn.turn(c, DID, {}, NOW),
    "house_records.of_types": lambda c, size: house_records.of_types(c, ["PRODUCT_RATE", "STAFF_ENROL"], 0, size),
    "idempotency.reserve": lambda c, size: idempotency.reserve(c, ANSWER),
    "idempotency.complete": lambda c, size: idempotency.complete(c, ANSWER),
    "idempotency.release": lambda c, size: idempotency.release(c, "k1", "r"),
    "idempotency.find": lambda c, size: list(idempotency.find(c, [ANSWER])),
    "idempotency.keep": lambda c, size: idempotency.keep(c, [ANSWER]),
    "idempotency.forget_old": lambda c, size: idempotency.forget_old(c, NOW),
    "idempotency.forget_before": lambda c, size: idempotency.forget_before(c, 1),
    "identity.get": lambda c, size: identity.get(c, "x"),
    "identity.put": lambda c, size: identity.put(c, "x", "y"),
    "identity.put_worker_status": lambda c, size: identity.put_worker_status(c, WORKER),
    "identity.worker_status": lambda c, size: identity.worker_status(c),
    "identity.put_tasks_seen": lambda c, size: identity.put_tasks_seen(c, NOW),
    "identity.tasks_seen": lambda c, size: identity.tasks_seen(c),
    "log_growth.keep": lambda c, size: log_growth.keep(c, 100_000, GREW),
    "log_growth.drop_from": lambda c, size: log_growth.drop_from(c, 100_000),
    "log_growth.at": lambda c, size: log_growth.at(c, 3),
    "map.rows.latest": lambda c, size: map_rows.latest(c),
    "map.rows.anchor_at": lambda c, size: map_rows.anchor_at(c, 2),
    "map.rows.changes": lambda c, size: list(map_rows.changes(c, 1, 2)),
    "map.rows.segments": lambda c, size: map_rows.segments(c),
    "map.rows.hashes_of": lambda c, size: map_rows.hashes_of(c, SEGMENT),
    "map.rows.rows_of": lambda c, size: map_rows.rows_of(c, SEGMENT, 0),
    "map.rows.rows_at": lambda c, size: map_rows.rows_at(c, [map_rows.key_of(LABEL, 0)]),
    "map.rows.row_at": lambda c, size: map_rows.row_at(c, map_rows.key_of(LABEL, 0)),
    "map.rows.write_rows": lambda c, size: map_rows.write_rows(c, [MAP_ROW], [MAP_ROW]),
    "map.rows.drop_rows": lambda c, size: map_rows.drop_rows(c, [SEGMENT]),
    "map.rows.write_segments": lambda c, size: map_rows.write_segments(c, [], [MAP_SEGMENT]),
    "map.removal.take_back": lambda c, size: removal.take_back(c, map_rows.latest(c), map_rows.latest(c).seq - 1),
    "map.rows.drop_segments": lambda c, size: map_rows.drop_segments(c, [SEGMENT]),
    "map.rows.drop_anchors": lambda c, size: map_rows.drop_anchors(c, 1),
    "map.rows.add_anchor": lambda c, size: map_rows.add_anchor(c, map_rows.MapAnchor(9, b"", 1), 3),
    "nonces.insert_nonce": lambda c, size: nonces.insert_nonce(c, NONCE),
    "nonces.find_nonce": lambda c, size: nonces.find_nonce(c, "n1", "proof"),
    "nonces.use_nonce": lambda c, size: nonces.use_nonce(c, "n1", "proof", NOW),
    "nonces.remember_foreign": lambda c, size: nonces.remember_foreign(c, NONCE),
    "nonces.forget_expired": lambda c, size: nonces.forget_expired(c, 1),
    "outbox.enqueue": lambda c, size: outbox.enqueue(c, "did", "mine", ADDRESS, b"", NOW),
    "outbox.enqueue_again": lambda c, size: outbox.enqueue_again(c, "did", "did:today:3", ADDRESS, b"", NOW),
    "outbox.renew": lambda c, size: outbox.renew(c, 2, b"data", NOW),
    "outbox.retry": lambda c, size: outbox.retry(c, "did:today:3", NOW),
    "outbox.under": lambda c, size: outbox.under(c, "did:today:", outbox.STATES),
    "outbox.in_state": lambda c, size: outbox.in_state(c),
    "outbox.by_key": lambda c, size: outbox.by_key(c, "did:today:1"),
    "outbox.by_id": lambda c, size: outbox.by_id(c, 1),
    "outbox.open_rows": lambda c, size: outbox.open_rows(c, "did"),
    "outbox.row_of_attempt": lambda c, size: outbox.row_of_attempt(c, digest("tx", 110)),
    "outbox.attempts": lambda c, size: outbox.attempts(c, 2),
    "outbox.next_open": lambda c, size: outbox.next_open(c),
    "outbox.mark_signed": lambda c, size: outbox.mark_signed(c, ATTEMPT),
    "outbox.mark_sent": lambda c, size: outbox.mark_sent(c, 2, NOW),
    "outbox.mark_failed": lambda c, size: outbox.mark_failed(c, 2, "e", NOW),
    "outbox.note_error": lambda c, size: outbox.note_error(c, 2, "e"),
    "outbox.unsign": lambda c, size: outbox.unsign(c, 2, NOW),
    "outbox.settle": lambda c, size: outbox.settle(c, 2, MINED, NOW),
    "outbox.settle_elsewhere": lambda c, size: outbox.settle_elsewhere(c, "anchor:1", ADDRESS, (1, b"", b""), NOW),
    "outbox.drop": lambda c, size: outbox.drop(c, "did:today:1"),
    "outbox.settle_failed": lambda c, size: outbox.settle_failed(c, 2, MINED, "e", NOW),
    "outbox.reopen": lambda c, size: outbox.reopen(c, 10_000, NOW),
    "outbox.counts": lambda c, size: outbox.counts(c),
    "outbox.gas_used": lambda c, size: outbox.gas_used(c),
    "own_transactions.add": lambda c, size: own_transactions.add(c, MINED),
    "own_transactions.truncate": lambda c, size: own_transactions.truncate(c, 10_000),
    "own_transactions.next_nonce": lambda c, size: own_transactions.next_nonce(c),
    "own_transactions.find": lambda c, size: own_transactions.find(c, [digest("tx", 110)]),
    "records.insert_records": lambda c, size: records.insert_records(c, [NEW_RECORD], [FINDING]),
    "records.log_size": lambda c, size: records.log_size(c),
    "records.by_source_refs": lambda c, size: records.by_source_refs(c, ["ref 3"]),
    "records.by_record_ids": lambda c, size: records.by_record_ids(c, ["3"]),
    "records.at": lambda c, size: records.at(c, size - 3),
    "records.erased_ids": lambda c, size: records.erased_ids(c, CLIENT),
    "records.at_places": lambda c, size: records.at_places(c, BUSY, [3, 4]),
    "records.known_act_signatures": lambda c, size: records.known_act_signatures(c, ["act 3"]),
    "records.of_subject": lambda c, size: records.of_subject(c, CLIENT),
    "records.pages_of": lambda c, size: next(records.pages_of(c, BUSY, 10)),
    "records.types_of": lambda c, size: records.types_of(c, CLIENT),
    "records.of_types": lambda c, size: records.of_types(c, CLIENT, ["DATA_USE"]),
    "records.bytes_of": lambda c, size: records.bytes_of(c, CLIENT),
    "records.promised_page": lambda c, size: records.promised_page(c, BUSY, 5, 10, size),
    "records.owed_to": lambda c, size: records.owed_to(c, BUSY, size),
    "records.count_from": lambda c, size: records.count_from(c, BUSY, size - 3),
    "records.find_by_fingerprint": lambda c, size: records.find_by_fingerprint(c, CLIENT, digest("record", 3)),
    "records.entries": lambda c, size: records.entries(c, size - 3, size),
    "log_walk.records_after": lambda c, size: log_walk.records_after(c, size // 2, 20),
    "log_walk.place_after_wrong": lambda c, size: log_walk.place_after_wrong(c, size // 2),
    "log_walk.subjects_after": lambda c, size: log_walk.subjects_after(c, "", 20),
    "log_walk.last_seq": lambda c, size: log_walk.last_seq(c, BUSY),
    "log_walk.segments_after": lambda c, size: log_walk.segments_after(c, 20, 20),
    "log_walk.depths_of": lambda c, size: log_walk.depths_of(c, range(20)),
    "log_walk.map_rows": lambda c, size: log_walk.map_rows(c, 0, 1 << 46),
    "log_walk.cosigned_after": lambda c, size: log_walk.cosigned_after(c, 3, 20),
    "log_walk.cosignatures_of": lambda c, size: log_walk.cosignatures_of(c, 3),
    "log_walk.records_below": log_walk.records_below,
    "log_walk.without_salts": lambda c, size: log_walk.without_salts(c),
    "log_walk.without_checkpoint": lambda c, size: log_walk.without_checkpoint(c),
    "log_walk.node_count": lambda c, size: log_walk.node_count(c),
    "records.labelled": lambda c, size: records.labelled(c, size - 3, size),
    "records.link": lambda c, size: records.link(c, BUSY, 7),
    "records.used_nonces": lambda c, size: records.used_nonces(c, CLIENT, [digest("nonce", 3)[:16]]),
    "records.require_format_2": lambda c, size: records.require_format_2(c),
    "records.findings_of": lambda c, size: records.findings_of(c, ["7"]),
    "records.owed": lambda c, size: records.owed(c, size, 10),
    "records.owed_count": lambda c, size: records.owed_count(c),
    "records.put_promise": lambda c, size: records.put_promise(c, size - 2, "{}", NOW),
    "records.first_from": lambda c, size: records.first_from(c, size - 3),
    "records.promised_count_from": lambda c, size: records.promised_count_from(c, size - 3),
    "records.move_from": lambda c, size: records.move_from(c, size - 3, 2, NOW),
    "records.accepted_at_block": lambda c, size: records.accepted_at_block(c, size - 3),
    "records.first_accepted_at": lambda c, size: records.first_accepted_at(c, size - 3, 0),
    "records.oldest_accepted_at": lambda c, size: records.oldest_accepted_at(c, size - 3),
    "records.late_promises": lambda c, size: records.late_promises(c, size - 3, None, NOW),
    "records.is_overdue": lambda c, size: records.is_overdue(c, size - 3, NOW),
    "records.mark_broken": lambda c, size: records.mark_broken(c, ["3"], NOW),
    "records.broken_count": lambda c, size: records.broken_count(c),
    "records.finding_counts": lambda c, size: records.finding_counts(c),
    "chain.did_registry.did_events": lambda c, size: did_registry.did_events(c, ADDRESS),
    "chain.did_registry.is_in_a_did": lambda c, size: did_registry.is_in_a_did(c, "ab" * 32),
    "chain.did_registry.spent_calls": lambda c, size: did_registry.spent_calls(c, ADDRESS),
    "chain.did_registry.did_versions": lambda c, size: did_registry.did_versions(c, [ADDRESS]),
    "chain.consent_registry.consents_on_chain": lambda c, size: consent_registry.consents_on_chain(c, [CONSENT]),
    "chain.directory.contract_address": lambda c, size: directory.contract_address(c, "DidRegistry"),
    "replay_orders.keep_order": lambda c, size: replay_orders.keep_order(c, ORDER),
    "replay_orders.find_order": lambda c, size: replay_orders.find_order(c, "1", DID),
    "replay_orders.find_by_id": lambda c, _: replay_orders.find_by_id(c, "mine"),
    "replay_orders.open_orders": lambda c, _: replay_orders.open_orders(c, 5, NOW),
    "replay_orders.keep_answer": lambda c, _: replay_orders.keep_answer(c, "mine", "{}", NOW),
    "replay_orders.about": lambda c, size: replay_orders.about(c, DID),
    "replay_orders.all_orders": lambda c, size: replay_orders.all_orders(c),
    "replay_orders.mark_answered": lambda c, size: replay_orders.mark_answered(c, "1", DID, NOW),
    "replays.issues": lambda c, _: replays.issues(c, "r 1"),
    "replays.count_waiting": lambda c, size: replays.count_waiting(c, 50),
    "replays.count_before": lambda c, size: replays.count_before(c, "r000003", 50),
    "replays.note_progress": lambda c, size: replays.note_progress(c, "r000003", {}),
    "replays.add": lambda c, size: replays.add(c, REPLAY),
    "replays.find": lambda c, size: replays.find(c, "r000003"),
    "replays.next_waiting": lambda c, size: replays.next_waiting(c),
    "replays.finish": lambda c, size: replays.finish(c, "mine", [(REPLAYED, replays.ReplayTexts("", "", ""))], NOW),
    "replays.fail": lambda c, size: replays.fail(c, "r000003", CouldNotCheck("c", "d"), NOW),
    "replays.parts": lambda c, size: replays.parts(c, "r000003"),
    "replays.texts": lambda c, size: replays.texts(c, "r000003", 0),
    "replays.forget_before": lambda c, size: replays.forget_before(c, 1),
    "replays.forget_of": lambda c, size: replays.forget_of(c, CLIENT),
    "wrong_anchors.name": lambda c, size: wrong_anchors.name(c, WRONG),
    "wrong_anchors.named": lambda c, size: wrong_anchors.named(c),
    "wrong_anchors.is_named": lambda c, size: wrong_anchors.is_named(c, 7),
    "wrong_anchors.decisions": lambda c, size: wrong_anchors.decisions(c),
    "restored.mark": lambda c, size: restored.mark(c, NOW),
    "restored.clear": lambda c, size: restored.clear(c),
    "restored.since": lambda c, size: restored.since(c),
    "restored.require_caught_up": lambda c, size: restored.require_caught_up(c),
    "retention.let_go_so_far": lambda c, size: retention.let_go_so_far(c),
    "retention.require_kept": lambda c, size: retention.require_kept(c, 1),
    "retention.block_before": lambda c, size: retention.block_before(c, 100),
    "retention.is_over": lambda c, size: retention.is_over(c, LITTLE),
    "retention.is_over: much is": lambda c, size: retention.is_over(c, MUCH),
    "retention.let_go": lambda c, size: retention.let_go(c, LITTLE, 10, NOW),
    "retention.let_go: much": lambda c, size: retention.let_go(c, MUCH, 10, NOW),
    "rulesets.insert_ruleset": lambda c, size: rulesets.insert_ruleset(c, rulesets.RuleSetRow("l", 1, b"")),
    "rulesets.all_rulesets": lambda c, size: rulesets.all_rulesets(c),
    "rulesets.count": lambda c, size: rulesets.count(c),
    "snapshot.integrity": lambda c, size: snapshot.integrity(c),
    "state_requests.ask": lambda c, size: state_requests.ask(c, STATE_REQUEST),
    "state_requests.unanswered_after": lambda c, size: state_requests.unanswered_after(c, ""),
    "state_requests.answer": lambda c, size: state_requests.answer(c, "s000003", CouldNotCheck("c", "d")),
    "state_requests.take_answer": lambda c, size: state_requests.take_answer(c, "mine"),
    "state_requests.drop": lambda c, size: state_requests.drop(c, "mine"),
    "state_requests.forget_before": lambda c, size: state_requests.forget_before(c, 1),
    "subjects.insert_subjects": lambda c, size: subjects.insert_subjects(c, [SUBJECT]),
    "subjects.by_pids": lambda c, size: subjects.by_pids(c, PIDS),
    "subject_entries.forget": lambda c, size: subject_entries.forget(c, CLIENT),
    "subject_entries.find": lambda c, size: subject_entries.find(c, CLIENT, "suitability/tracks/P1"),
    "subject_entries.put": lambda c, size: subject_entries.put(c, [ENTRY]),
    "subjects.by_client_refs": lambda c, size: subjects.by_client_refs(c, ["today"]),
    "subjects.by_dids": lambda c, size: subjects.by_dids(c, [DID]),
    "subjects.find_by_pid": lambda c, size: subjects.find_by_pid(c, CLIENT),
    "subjects.find_by_did": lambda c, size: subjects.find_by_did(c, DID),
    "subjects.find_by_client_ref": lambda c, size: subjects.find_by_client_ref(c, "today"),
    "subjects.continuing": lambda c, size: subjects.continuing(c, "", 5),
    "subjects.products_continuing": lambda c, size: subjects.products_continuing(c),
    "subjects.name_product": lambda c, size: subjects.name_product(c, CLIENT, "fund-1"),
    "subjects.rename": lambda c, size: subjects.rename(c, CLIENT, "other"),
    "subjects.update_heads": lambda c, size: subjects.update_heads(c, [SUBJECT]),
    "subjects.total": lambda c, size: subjects.total(c),
    "tasks.insert_task": lambda c, size: tasks.insert_task(c, TASK, "{}", NOW),
    "tasks.find_task": lambda c, size: tasks.find_task(c, TASK),
    "tasks.list_tasks": lambda c, size: tasks.list_tasks(c),
    "tasks.open_tasks": lambda c, size: tasks.open_tasks(c),
    "tasks.move": lambda c, size: tasks.move(c, TASK, tasks.PROPOSED, tasks.APPROVED, NOW),
    "tasks.request_run": lambda c, size: tasks.request_run(c, TASK, NOW),
    "tasks.put_clients": lambda c, size: tasks.put_clients(c, TASK, [tasks.TaskClient(CLIENT, CONSENT)]),
    "tasks.clients_of": lambda c, size: tasks.clients_of(c, TASK),
    "tasks.of_client": lambda c, size: tasks.of_client(c, CLIENT),
    "tasks.add_message": lambda c, size: tasks.add_message(c, TASK, MEMBER, "k", "{}", NOW),
    "tasks.put_message": lambda c, size: tasks.put_message(c, TASK, MEMBER, "k", "{}", NOW),
    "tasks.messages_of": lambda c, size: tasks.messages_of(c, TASK, "k"),
    "tasks.message_times": lambda c, size: tasks.message_times(c, TASK, "k"),
    "tasks.latest_payloads": lambda c, size: tasks.latest_payloads(c, "INFO_COLLECT", PIDS),
    "chain.task_registry.chain_task": lambda c, size: task_registry.chain_task(c, TASK),
    "chain.task_registry.dataset_owner": lambda c, size: task_registry.dataset_owner(c, bytes(32)),
    "chain.member_registry.agreement_keys": lambda c, size: member_registry.agreement_keys(c, 50),
    "timestamp_tokens.add": lambda c, size: timestamp_tokens.add(c, STAMPED),
    "timestamp_tokens.newest": lambda c, size: timestamp_tokens.newest(c, 100_000),
    "timestamp_tokens.page": lambda c, size: timestamp_tokens.page(c, 3, 20),
    "tokens.insert_token": lambda c, size: tokens.insert_token(c, "mine", "operator", name="n"),
    "tokens.find_token": lambda c, size: tokens.find_token(c, "mine"),
    "tokens.staff_tokens": lambda c, size: tokens.staff_tokens(c),
    "tokens.suspend_all": lambda c, size: tokens.suspend_all(c, NOW),
    "tokens.confirm_all": lambda c, size: tokens.confirm_all(c),
    "tokens.end_token": lambda c, size: tokens.end_token(c, TOKEN, NOW),
    "tokens.revoke_token": lambda c, size: tokens.revoke_token(c, TOKEN, NOW),
    "tokens.forget_ended_sessions": lambda c, size: tokens.forget_ended_sessions(c, 1),
    "tokens.end_sessions": lambda c, size: tokens.end_sessions(c, DID),
    "chain.conviction_registry.statements_against": lambda c, size: conviction_registry.statements_against(
        c, ADDRESS, "00" * 32
    ),
    "convictions.by_digest": lambda c, size: convictions.by_digest(c, "00" * 32),
    "convictions.of_matter": lambda c, size: convictions.of_matter(c, ADDRESS, "m"),
    "convictions.newest": lambda c, size: convictions.newest(c, ADDRESS),
    "convictions.counts": lambda c, size: convictions.counts(c),
    "convictions.note": lambda c, size: convictions.note(c, "11" * 32, ADDRESS, 1, NOW),
    "convictions.keep": lambda c, size: convictions.keep(c, CONVICTION),
    "convictions.next_due": lambda c, size: convictions.next_due(c, NOW),
    "convictions.put_off": lambda c, size: convictions.put_off(c, CONVICTION, "p", NOW),
    "convictions.refute": lambda c, size: convictions.refute(c, CONVICTION, "p"),
    "witnessed.kept_state": lambda c, size: witnessed.kept_state(c, LOG),
    "witnessed.begin_anew": lambda c, size: witnessed.begin_anew(c, LOG, "r", NOW),
    "witnessed.begun_anew": lambda c, size: witnessed.begun_anew(c, LOG),
    "witnessed.cosigned_note": lambda c, size: witnessed.cosigned_note(c, LOG),
    "witnessed.replace_state": lambda c, size: witnessed.replace_state(
        c, LOG, before=witnessed.kept_state(c, LOG), after=WITNESSED, note="note"
    ),
}  # fmt: skip

# What may cost more the older the node is, and why.
GROWS = {
    "log_walk.without_salts": "counted once a check, which goes over every record anyway",
    "log_walk.without_checkpoint": "counted once a check, which goes over every anchor anyway",
    "log_walk.records_below": "counted once a check, which goes over every record anyway",
    "anchors.reopen": "only when the chain has lost its newest blocks",
    "outbox.reopen": "only when the chain has lost its newest blocks",
    "chain.event_log.events: anchors": "all anchors of a member say whether it kept a promise",
    "chain.evidence.headers": "a trust file of format 1 holds every header",
    "chain.log_trees.forget": "only when the chain has lost its newest blocks",
    "snapshot.integrity": "the whole file is looked at, by the operator's command and once after a restore",
    "map.rows.segments": "the tops of at most 65,536 segments, once as a process starts",
    "erasures.answers_that_show": "an erasure looks through the answers of a day, which are all that is kept",
    "former_records.promised": "a migration looks at every promise of format 1, once",
    "former_turn.turn": "once, as a node is migrated",
    "outbox.counts": "the operator's status page and metrics count what there is",
    "convictions.counts": "the operator's status page and metrics count what there is",
    "outbox.gas_used": "the operator's status page adds up what was used",
    "records.finding_counts": "the operator's status page and metrics count what there is",
    "replay_orders.all_orders": "a list of every order, for the regulator and compliance",
    "tasks.list_tasks": "a list of every task that this member knows",
    "restored.mark": "once after a restore: every session ends",
    "tokens.suspend_all": "once after a restore: every session ends",
}


def _proofs(size):
    """Return a maker of proofs about an old anchor."""
    return lambda node: (inclusion_path(3, size, node), consistency_proof(size // 2, size, node))


def _topic():
    return event_log.address_topic(ADDRESS)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ages")
    made = [aged_store(directory / f"{days}.db", days) for days in (YOUNG, OLD)]
    yield made
    for store in made:
        store.dispose()


def steps(store, ask):
    """Return what a question costs; what it writes is not kept."""
    with store._engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        size = records.log_size(connection)
        with Steps(connection) as counted:
            ask(connection, size)
        connection.rollback()
    return counted.taken


@pytest.mark.parametrize("name", CALLS)
def test_a_question_costs_the_same_at_any_age(stores, name):
    young, old = (steps(store, CALLS[name]) for store in stores)
    grown = old > 2 * young + 100
    assert grown == (name in GROWS), f"{name}: {young} steps after {YOUNG} clients, {old} after {OLD}"


def test_every_function_of_the_store_is_asked():
    """A function that is added later must be put among the calls."""
    found = set()
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        loaded = importlib.import_module(module.name)
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            first = next(iter(inspect.signature(function).parameters.values()), None)
            own = function.__module__ == loaded.__name__ and not name.startswith("_")
            if own and first is not None and first.annotation == "Connection":
                found.add(f"{module.name.removeprefix(package.__name__ + '.')}.{name}")
    in_an_empty_database = {"migrate.make_in_empty"}
    no_questions = {"engine.after_commit", "snapshot.engine_of", *(f"operations.{name}" for name in SPELLINGS)}
    no_questions |= in_an_empty_database
    assert found - no_questions == {name.split(":")[0] for name in CALLS}
    assert set(GROWS) <= set(CALLS)
