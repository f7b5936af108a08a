/** Checks of what the histories say: copies, links, openings, the client's keys and acts (9 to 13). */

import { equal, fromBase64url, toHex } from '../bytes.js';
import { endsAfter } from '../didkeys.js';
import { didHistoryHead } from '../heads.js';
import { CouldNotCheck, Failed, NotABundle } from '../failures.js';
import { OPENING, derivedSubject, readOpening } from '../opening.js';
import { NO_RECORD, actBytes } from '../record.js';
import { listOf, objectOf, text, whole } from '../shapes.js';
import { SUITES } from '../suites.js';
import { naming } from '../world.js';

/** The types that owe the client's signature. */
const CLIENT_ACTS = new Set([
  'LEVEL_CONFIRM', 'MISMATCH_INSIST', 'RISK_CONFIRM', 'AGREEMENT_SIGN', 'CONSENT_GIVE', 'CONSENT_WITHDRAW',
  'ID_SUCCEED',
]);

const ERASES = listOf(
  objectOf({ seq: whole(1), fingerprint: text(/^[0-9a-f]{64}$/, 'hex'), rule: text(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'name') }), 1, 1000,
);

/** 9. Every copy has its shape, and opens to what its envelope says. */
export function fingerprint({ items }) {
  for (const item of items) {
    if (item.problem !== null) throw new Failed(item.problem.code, { ...naming(item), ...item.problem.details });
  }
}

/** 10. Links run without gap; stubs are named by an ERASE of their history. */
export function subjectChain(world) {
  const subjects = new Set(world.histories.map((history) => history.subject));
  if (subjects.size !== world.histories.length) throw new Failed('subject-twice');
  const ids = new Set();
  for (const history of world.histories) {
    history.items.forEach((item, index) => {
      checkLink(item, history.items[index - 1] ?? null, index);
      if (item.opened !== null) checkOwner(world, item, ids);
    });
    history.erases = erasesOf(history);
    for (const item of history.items) checkErased(world, item);
  }
}

function checkLink(item, before, index) {
  const prev = before === null ? NO_RECORD : before.fingerprint;
  if (item.seq !== index + 1 || item.prev !== prev) throw new Failed('link', naming(item));
}

function checkOwner({ bundle }, item, ids) {
  const { broker, subject, record_id: id } = item.opened.envelope;
  if (broker !== bundle.broker || subject !== item.history.subject) throw new Failed('link-owner', naming(item));
  if (ids.has(id)) throw new Failed('record-id-twice', naming(item));
  ids.add(id);
}

/** What the ERASE records of a history name: seq to [{erase: item, rule}]. */
function erasesOf(history) {
  const named = new Map();
  for (const item of history.items) {
    if (item.opened?.envelope.type !== 'ERASE' || !('erases' in item.opened.shown)) continue;
    for (const { seq, fingerprint: wanted, rule } of erasesIn(item)) {
      if (seq >= item.seq || history.items[seq - 1].fingerprint !== wanted) throw new Failed('erases-another', naming(item));
      if (!named.has(seq)) named.set(seq, []);
      named.get(seq).push({ erase: item, rule });
    }
  }
  return named;
}

function erasesIn(item) {
  try {
    return ERASES(item.opened.shown.erases, 'erases');
  } catch (error) {
    if (error instanceof NotABundle) throw new Failed('erases-shape', { ...naming(item), reason: error.details.place });
    throw error;
  }
}

function checkErased(world, item) {
  const isNamed = item.history.erases.has(item.seq);
  if (item.isErased && !isNamed) throw new Failed('erased-unnamed', naming(item));
  if (!item.isErased && isNamed) world.restored.add(item);
}

/** 11. Record 1 says what the subject is, signed by whom it takes; what it continues, where it is here, ends as named. */
export function opening(world) {
  for (const history of world.histories) {
    history.items.forEach((item, index) => {
      const isOpening = item.opened?.envelope.type === OPENING;
      if (index === 0 && !isOpening) throw new Failed('opening-missing', naming(item));
      if (isOpening) openBy(world, history, item);
    });
    if (history.opening.continues !== null) checkContinued(world, history);
  }
  const { client } = world.histories[0];
  if (client !== world.bundle.client) throw new Failed('opening-other-client');
}

function openBy(world, history, item) {
  const says = readOpening(item.opened);
  if (history.opening === null) {
    history.opening = says;
    history.client = says.kind === 'client' ? says.opens : null;
    history.openedLate = false;
  } else {
    const joins = history.opening.kind === 'unsigned-client' && history.client === null && says.kind === 'client';
    if (!joins) throw new Failed('opening-again', naming(item));
    history.client = says.opens;
    history.openedLate = true;
  }
  const derived = derivedSubject(world.bundle.broker, says);
  if (derived !== null && derived !== history.subject) throw new Failed('opening-elsewhere', naming(item));
  checkOpener(world, item, says);
}

function checkOpener(world, item, { kind, opens }) {
  const { envelope } = item.opened;
  const { signatures, known } = envelope;
  if (kind === 'client') {
    if (known === null || signatures.length === 0 || signatures.some((one) => one.did !== opens)) {
      throw new Failed('opening-signer', naming(item));
    }
    return; // the signature itself: client-signature
  }
  if (known !== null) throw new Failed('opening-signer', naming(item));
  if (kind === 'unsigned-client') {
    if (signatures.length > 0) throw new Failed('opening-signer', naming(item));
    return;
  }
  const [signature] = signatures;
  const { broker } = world.bundle;
  if (signatures.length !== 1 || signature.did !== broker || signature.key !== `${broker}#signing` || item.anchor === null) {
    throw new Failed('opening-signer', naming(item));
  }
  const value = signatureBytes(signature);
  if (!world.isBrokersAt(item.anchor, SUITES.get(envelope.suite), actBytes(envelope), value)) {
    throw new Failed('opening-signature', naming(item));
  }
}

function checkContinued(world, history) {
  const { format, subject, count, head } = history.opening.continues;
  const place = { subject: history.subject.slice(0, 8) };
  if (format === 2 && toHex(subject) === history.subject) throw new Failed('continues-subject', place);
  const former = format === 2 && world.histories.find((one) => one.subject === toHex(subject));
  if (!former) {
    world.notes.push({ code: 'continues-elsewhere', details: { format, count, head: toHex(head) } });
    return;
  }
  if (former.items.length !== count || former.items.at(-1).fingerprint !== toHex(head)) throw new Failed('continues-otherwise', place);
}

/** 12. The changes are the whole history of the client's DID. */
export function clientKeys({ bundle, didHead: head }) {
  if (bundle.client === null) {
    if (bundle.did.length > 0) throw new Failed('did-of-nobody');
    return;
  }
  if (!equal(didHistoryHead(bundle.did), head)) throw new Failed('did-head');
}

/** 13. Every act is the client's, by a key in force; each witnesses the history before it, and none is used twice. */
export function clientSignature(world) {
  for (const history of world.histories) {
    const nonces = new Set();
    let accepted = 0;
    for (const item of history.items.filter((one) => one.opened !== null)) {
      const { envelope } = item.opened;
      if (item.anchor === null) throw new Failed('not-anchored', naming(item));
      if (envelope.accepted.block < accepted || envelope.accepted.block > item.anchor.block) {
        throw new Failed('accepted-block', naming(item));
      }
      accepted = envelope.accepted.block;
      checkAct(world, item, nonces);
    }
  }
}

function checkAct(world, item, nonces) {
  const { broker } = world.bundle;
  const { type, known, signatures } = item.opened.envelope;
  const isBrokers = type === OPENING && known === null;
  if (isBrokers) return;
  if (known === null) {
    if (signatures.length > 0) throw new Failed('signature-of-nobody', naming(item));
    if (CLIENT_ACTS.has(type)) throw new Failed('act-unsigned', naming(item));
    return;
  }
  const { client } = item.history;
  if (signatures.length === 0 || signatures.some((one) => one.did !== client || one.did === broker)) {
    throw new Failed('act-signer', naming(item));
  }
  checkKnown(item, known, nonces);
  checkKeys(world, item, client);
}

function checkKnown(item, { count, fingerprint: wanted, nonce }, nonces) {
  const held = count === 0 ? NO_RECORD : item.history.items[count - 1]?.fingerprint;
  if (count >= item.seq || held !== wanted) throw new Failed('act-known', naming(item));
  if (nonces.has(nonce)) throw new Failed('act-nonce', naming(item));
  nonces.add(nonce);
}

function checkKeys(world, item, client) {
  if (client !== world.bundle.client) throw new CouldNotCheck('act-of-another-did', { ...naming(item), did: client });
  const { envelope } = item.opened;
  const suite = SUITES.get(envelope.suite);
  const use = world.anchorOfUse(item.anchor, envelope.accepted.block);
  const keys = world.clientKeys.at(suite, envelope.accepted.block).filter((key) => endsAfter(key, use));
  const bytes = actBytes(envelope);
  for (const signature of envelope.signatures) {
    const value = signatureBytes(signature);
    if (!keys.some(({ key }) => suite.verify(key, bytes, value))) throw new Failed('act-signature', naming(item));
  }
}

function signatureBytes({ value }) {
  return fromBase64url(value);
}
