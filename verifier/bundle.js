/** The shape of a bundle (section 12). */

import { NotABundle } from './failures.js';
import { DID_EVENTS } from './heads.js';
import { DEPTH } from './members.js';
import {
  address, anyObject, base64url, did, hash, hashes, hex, hex0x, is, listOf, nullable, objectOf, oneOf, text, textOf,
  time, whole,
} from './shapes.js';
import { SUITES, suiteOfAlgorithm } from './suites.js';
import { HEADER_RULE } from './trust.js';

const KEY_MEMBERS = objectOf({ algorithm: whole(), signing: hex(), checkpoint: hash, agreement: hash, compliance: address });

const MEMBER = objectOf({
  member: did, number: whole(), role: whole(0, 255), path: hashes, keys: keysOf,
});

/** The members of a DID's events beside event, block and time; numbers are words too. */
const EVENT_MEMBERS = {
  DIDOwnerChanged: { owner: address },
  DIDDelegateChanged: { delegateType: hex0x(32), delegate: address, validTo: hex0x(32) },
  DIDAttributeChanged: { name: hex0x(32), value: hex0x(), validTo: hex0x(32) },
};

const CHANGES = Object.fromEntries(Object.keys(DID_EVENTS).map((event) => [
  event, objectOf({ event: is(event), block: whole(), time: whole(), ...EVENT_MEMBERS[event] }),
]));

function change(value, place) {
  const { event } = anyObject(value, place);
  return CHANGES[oneOf(...Object.keys(CHANGES))(event, `${place}.event`)](value, place);
}

const ENTRY = objectOf({
  name: text(/^[A-Za-z0-9]{1,32}$/, 'name'), target: address, code_hash: hash, block: whole(), time: whole(),
});

const OPENING_LEAF = objectOf({
  former: address, former_seq: whole(), former_root: hash, former_size: whole(), former_map_root: hash,
  block: whole(), time: whole(),
});

const ANCHOR_MEMBERS = objectOf({
  seq: whole(2), batch_root: hash, size_before: whole(), size_after: whole(), map_root: hash, block: whole(),
  time: whole(), keys_digest: hash, key_version: whole(1), batch: hashes,
});

const PROMISE = objectOf({ batch: whole(), index: whole(), path: hashes, anchor_by: time });

/** `record` is any object: whether it is a redacted copy or a stub is for the check `fingerprint` to say. */
const RECORD = objectOf({ record: anyObject, log_index: whole(), promise: nullable(PROMISE) });

const HISTORY = objectOf({ subject: hash, records: listOf(RECORD, 1) });

const LOOKUP = objectOf({ walk: text(/^[01hlf]+$/, 'walk'), hashes });

const BATCH = objectOf({ block: whole(), count: whole(1), root: hash, value: base64url(64) });

export const BUNDLE = objectOf({
  format: is('bonafides.bundle/2'),
  suite: oneOf(...SUITES.keys()),
  chain_id: whole(1),
  header_rule: HEADER_RULE,
  broker: did,
  client: nullable(did),
  case: textOf(1, 512),
  made_at: time,
  header: base64url(),
  nodes: listOf(base64url()),
  directory: listOf(ENTRY, 1, 1_000),
  did: listOf(change),
  members: listOf(MEMBER, 1, 2 ** DEPTH),
  keys: listOf(keysOf, 1),
  log: objectOf({ seq: whole(2), opening: OPENING_LEAF, path: hashes, anchors: listOf(anchorOf, 1) }),
  checkpoint: textOf(1, 16_384),
  history: HISTORY,
  references: listOf(HISTORY),
  map: LOOKUP,
  promises: listOf(BATCH),
  rulesets: listOf(anyObject),
  pending: whole(),
  signature: objectOf({ key: textOf(1, 512), alg: oneOf('Ed25519', 'SM2'), value: base64url(64) }),
});

/** Read a bundle's JSON into bytes and numbers; throws NotABundle. */
export function readBundle(value) {
  const bundle = BUNDLE(value, 'bundle');
  const { key, alg } = bundle.signature;
  if (key !== `${bundle.broker}#signing`) throw new NotABundle('bundle.signature.key', 'constant');
  if (alg !== SUITES.get(bundle.suite).alg) throw new NotABundle('bundle.signature.alg', 'constant');
  return bundle;
}

/** Keys of a member; the signing key is as long as its algorithm's keys are. */
function keysOf(value, place) {
  const keys = KEY_MEMBERS(value, place);
  const suite = suiteOfAlgorithm(keys.algorithm);
  if (suite === undefined) throw new NotABundle(`${place}.algorithm`, 'choice');
  if (keys.signing.length !== suite.keyLength) throw new NotABundle(`${place}.signing`, 'length');
  return keys;
}

function anchorOf(value, place) {
  const anchor = ANCHOR_MEMBERS(value, place);
  if (anchor.size_after < anchor.size_before) throw new NotABundle(`${place}.size_after`, 'range');
  return anchor;
}
