/** The shape of a bundle (section 12). */

import { NotABundle } from './failures.js';
import { DID_EVENTS } from './heads.js';
import { DEPTH } from './members.js';
import { COPY, STUB } from './record.js';
import {
  address, anyObject, base64url, chainOf, did, hash, hashes, hex, hex0x, is, listOf, nullable, objectOf, oneOf, text, textOf,
  time, whole,
} from './shapes.js';
import { SUITES } from './suites.js';
import { HEADER_RULE } from './trust.js';

const KEYS = objectOf({ algorithm: whole(0, 65_535), signing: hex(), checkpoint: hash, agreement: hash, compliance: address });

const MEMBER = objectOf({
  member: did, number: whole(0, 2 ** DEPTH - 1), role: whole(0, 255), path: pathOf(DEPTH), keys: KEYS,
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

const OPENING_LEAF = objectOf({
  former: address, former_seq: whole(), former_root: hash, former_size: whole(), former_map_root: hash,
  block: whole(), time: whole(),
});

const ANCHOR = objectOf({
  seq: whole(2), batch_root: hash, size_before: whole(), size_after: whole(), map_root: hash, block: whole(),
  time: whole(), keys_digest: hash, key_version: whole(), batch: hashes,
});

const PROMISE = objectOf({ batch: whole(), index: whole(), path: hashes, anchor_by: time });

const RECORD = objectOf({ record: recordOf, log_index: whole(), promise: nullable(PROMISE) });

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
  case: textOf(0, 256),
  made_at: time,
  header: base64url(),
  nodes: listOf(base64url()),
  directory: listOf(
    objectOf({ name: text(/^[\x21-\x7e]{1,32}$/, 'name'), target: address, code_hash: hash, block: whole(), time: whole() }),
  ),
  did: listOf(change),
  members: listOf(MEMBER),
  keys: listOf(KEYS),
  log: objectOf({ seq: whole(2), opening: OPENING_LEAF, path: hashes, anchors: listOf(ANCHOR, 1) }),
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
  const dids = [bundle.broker, bundle.client, ...bundle.members.map(({ member }) => member)];
  for (const one of dids) {
    if (one !== null && chainOf(one) !== BigInt(bundle.chain_id)) throw new NotABundle('bundle.chain_id', 'other-chain');
  }
  return bundle;
}

function pathOf(length) {
  return (value, place) => {
    const path = hashes(value, place);
    if (path.length !== length) throw new NotABundle(place, 'length');
    return path;
  };
}

/** A redacted copy, or {"erased": STUB}. */
function recordOf(value, place) {
  if (Object.hasOwn(anyObject(value, place), 'erased')) return objectOf({ erased: STUB })(value, place);
  return COPY(value, place);
}
