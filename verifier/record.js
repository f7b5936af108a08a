/** Records: envelope, redacted copy, links and entry (section 2). */

import { fromHex, toHex, u64, utf8, concat } from './bytes.js';
import { canonical } from './canonical.js';
import { sha256, tag } from './sha256.js';
import {
  anyObject, base64url, did, hash, hex, is, listOf, nullable, objectOf, oneOf, text, textOf, time, whole,
} from './shapes.js';
import { Failed, NotABundle } from './failures.js';
import { SUITES, hmac } from './suites.js';

export const NO_RECORD = '0'.repeat(64);
const LONGEST_ENVELOPE = 65_535;
const MOST_FIELDS = 128;
const MOST_ATTACHMENTS = 64;
const MOST_SIGNATURES = 4;
const FIELD_NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** Hex that stays text: it is compared, and stands in JCS. */
const hashText = text(/^[0-9a-f]{64}$/, 'hex');

const ERASED = objectOf({ erased: objectOf({ seq: whole(1), prev: hashText, next: hashText, fingerprint: hashText }) });

export const RULESET = text(/^[a-z0-9]+(?:-[a-z0-9]+)*@[0-9]+(?:\.[0-9]+)*:[0-9a-f]{64}$/, 'ruleset-label');

export const ENVELOPE = objectOf({
  format: is('bonafides.record/2'),
  suite: oneOf(...SUITES.keys()),
  record_id: text(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'uuid'),
  type: text(/^[A-Z][A-Z0-9_]{1,31}$/, 'record-type'),
  schema: text(/^[1-9][0-9]{0,3}$/, 'schema'),
  broker: did,
  subject: hashText,
  seq: whole(1),
  prev: hashText,
  next: hashText,
  occurred_at: time,
  recorded_at: time,
  channel: oneOf('branch', 'app', 'web', 'phone', 'api'),
  actor: objectOf({ did: textOf(1, 256), role: textOf(1, 64) }),
  ruleset: nullable(RULESET),
  document: nullable(textOf(1, 256)),
  accepted: objectOf({ block: whole(), hash: hashText }),
  known: nullable(objectOf({ count: whole(), fingerprint: hashText, nonce: text(/^[0-9a-f]{32}$/, 'hex') })),
  fields: fieldsOf(hashText),
  attachments: listOf(
    objectOf({ sha256: hashText, mime: textOf(1, 128), bytes: whole() }), 0, MOST_ATTACHMENTS,
  ),
  signatures: listOf(
    objectOf({ did, key: textOf(1, 512), alg: oneOf('Ed25519', 'SM2'), value: base64url(64) }), 0, MOST_SIGNATURES,
  ),
});

const COPY = objectOf({
  envelope: anyObject,
  envelope_salt: hash,
  fields: fieldsOf(objectOf({ value: (value) => value, salt: hash })),
});

function fieldsOf(shape) {
  return (value, place) => {
    const names = Object.keys(anyObject(value, place));
    if (names.length > MOST_FIELDS) throw new NotABundle(place, 'length');
    if (!names.every((name) => FIELD_NAME.test(name))) throw new NotABundle(place, 'field-name');
    const held = Object.create(null);
    for (const name of names) held[name] = shape(value[name], `${place}.${name}`);
    return held;
  };
}

/**
 * Open a redacted copy: its envelope has the shape of section 2, and each field that is shown is the one it names.
 *
 * @param value any object: one that is malformed is a failed check, not "no bundle"
 * @returns {envelope, shown: {name: value}, fingerprint (hex), seq, prev, next (hex)}
 */
export function openCopy(value) {
  const copy = shaped(COPY, value, 'record');
  const envelope = checkedEnvelope(copy.envelope);
  const suite = SUITES.get(envelope.suite);
  const shown = Object.create(null);
  for (const [name, { value, salt }] of Object.entries(copy.fields)) {
    if (toHex(hmac(suite, salt, canonical(value))) !== envelope.fields[name]) throw new Failed('field', { name });
    shown[name] = value;
  }
  const bytes = canonical(envelope);
  if (bytes.length > LONGEST_ENVELOPE) throw new Failed('envelope', { reason: 'too long' });
  const fingerprint = toHex(hmac(suite, copy.envelope_salt, bytes));
  return { envelope, shown, fingerprint, seq: envelope.seq, prev: envelope.prev, next: envelope.next };
}

/** What an erased record leaves: {seq, prev, next, fingerprint}. */
export function readStub(value) {
  return shaped(ERASED, value, 'record').erased;
}

/** The envelope as it is, once it has its shape. */
function checkedEnvelope(envelope) {
  const read = shaped(ENVELOPE, envelope, 'envelope');
  const { alg } = SUITES.get(read.suite);
  for (const signature of read.signatures) {
    if (signature.alg !== alg) throw new Failed('envelope', { reason: 'a signature of another suite' });
    if (!signature.key.startsWith(`${signature.did}#`)) throw new Failed('envelope', { reason: 'a key of another DID' });
  }
  return envelope;
}

function shaped(shape, value, place) {
  try {
    return shape(value, place);
  } catch (error) {
    if (error instanceof NotABundle) throw new Failed('envelope', { reason: `${error.details.place}: ${error.details.rule}` });
    throw error;
  }
}

export function firstLabel(broker, subject) {
  return sha256(tag('bonafides/label/2'), utf8(broker), subject);
}

/** The entry of a record or a stub: seq, and prev, next, fingerprint in hex. */
export function entryOf({ seq, prev, next, fingerprint }) {
  return sha256(tag('bonafides/entry/2'), u64(seq), fromHex(prev), fromHex(next), fromHex(fingerprint));
}

/** tagged SHA-256(tag, parts): each part with its length as 8 bytes (staff.md). */
export function taggedSha256(text, ...parts) {
  return sha256(tag(text), ...parts.map((part) => concat(u64(part.length), part)));
}

/** The bytes that a client's wallet signs, or the broker for an opening of its own (section 3). */
export function actBytes(envelope) {
  const { suite, type, broker, subject, occurred_at, document, ruleset, fields, known } = envelope;
  return canonical({
    version: 'bonafides.act/2', suite, type, broker, subject, occurred_at, document, ruleset, fields, known,
  });
}
