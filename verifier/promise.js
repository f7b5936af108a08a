/** Promises: what a broker signed at acceptance (section 7). */

import { toHex, u8 } from './bytes.js';
import { canonical } from './canonical.js';
import { NotABundle } from './failures.js';
import { rootByPath } from './merkle.js';
import {
  anyObject, base64url, did, hashes, is, millisecondsOf, objectOf, oneOf, text, textOf, time, whole,
} from './shapes.js';
import { sha256 } from './sha256.js';
import { SUITES } from './suites.js';

const DAY = 24 * 60 * 60 * 1000;
const LEAF = u8(0);
const hashText = text(/^[0-9a-f]{64}$/, 'hex');

const BODY_MEMBERS = {
  format: is('bonafides.promise/2'), suite: oneOf(...SUITES.keys()), broker: did, subject: hashText, seq: whole(1),
  label: hashText, record_id: textOf(1, 64), fingerprint: hashText, entry: hashText, log_index: whole(),
  recorded_at: time, anchor_by: time, block: whole(),
};

const PROMISE = objectOf({
  ...BODY_MEMBERS,
  batch: objectOf({ index: whole(), count: whole(1), path: hashes }),
  signature: objectOf({ key: textOf(1, 512), alg: oneOf('Ed25519', 'SM2'), value: base64url(64) }),
});

/** Read a promise that somebody holds: {body, batch, signature, suite}; throws NotABundle. */
export function readPromise(value) {
  const promise = PROMISE(anyObject(value, 'promise'), 'promise');
  const body = Object.fromEntries(Object.keys(BODY_MEMBERS).map((name) => [name, value[name]]));
  if (promise.signature.key !== `${promise.broker}#signing`) throw new NotABundle('promise.signature.key', 'key');
  return { body, batch: promise.batch, signature: promise.signature, suite: SUITES.get(promise.suite) };
}

/** The body of the promise of a record of a bundle, from the record itself. */
export function bodyOf({ opened, fingerprint, logIndex, promise }, label, entry) {
  const { suite, broker, subject, seq, record_id, recorded_at, accepted } = opened.envelope;
  return {
    format: 'bonafides.promise/2', suite, broker, subject, seq, label: toHex(label), record_id, fingerprint,
    entry: toHex(entry), log_index: logIndex, recorded_at, anchor_by: promise.anchor_by, block: accepted.block,
  };
}

/** A promise with a term of more than a day is none. */
export function hasTerm({ recorded_at: recorded, anchor_by: by }) {
  const term = millisecondsOf(by) - millisecondsOf(recorded);
  return term >= 0 && term <= DAY;
}

/** The root of the request that a body stands in. */
export function rootOfBody(body, { index, count, path }) {
  return rootByPath(sha256(LEAF, canonical(body)), index, count, path);
}

/** What the broker signs for a request. */
export function batchBytes({ suite, broker, block }, count, root) {
  return canonical({ format: 'bonafides.promise-batch/2', suite, broker, block, count, root: toHex(root) });
}

