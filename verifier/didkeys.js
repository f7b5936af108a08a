/** Keys of a client's DID, from the changes that give the head of its history. */

import { isZero, toHex } from './bytes.js';
import { nameWord } from './keccak.js';

const MOST_KEYS = 32;
const FOREVER = Number.MAX_SAFE_INTEGER;

/** The keys of one DID: whatever stands between two changes is worked out once, however many acts lie there. */
export class DidKeys {
  /** @param changes [{event, block, time, ...values as bytes}] in order */
  constructor(changes) {
    this.changes = changes;
    this.known = new Map();
  }

  /** The keys of a suite in force after the changes up to `block`; see `keysAt`. */
  at(suite, block) {
    const last = this.changes.reduce((newest, change) => (change.block <= block ? Math.max(newest, change.block) : newest), -1);
    const place = `${suite.alg} ${last}`;
    if (!this.known.has(place)) this.known.set(place, keysAt(this.changes, suite, last));
    return this.known.get(place);
  }
}

/**
 * The keys of a suite in force after the changes up to `block`.
 *
 * @param changes [{event, block, time, ...values as bytes}] in order
 * @returns [{key, end, endedIn}]: bytes, the time (seconds) at which it stopped to be in force, FOREVER for none that
 *   shows, and the block of the change that ended it then, 0 where the end was stated with the key
 */
export function keysAt(changes, suite, block) {
  const before = changes.filter((change) => change.block <= block);
  if (before.some(isDeactivation)) return [];
  const last = new Map();
  for (const change of before) {
    if (!isKeyOf(change, suite)) continue;
    const name = toHex(change.value);
    last.delete(name);
    last.set(name, change);
  }
  return [...last.values()]
    .filter((change) => seconds(change.validTo) > change.time)
    .slice(-MOST_KEYS)
    .map((change) => ({ key: change.value, ...endOf(change, changes) }));
}

/** Whether a key's end lies after a block and its time (seconds): of two blocks of one second their order says it. */
export function endsAfter({ end, endedIn }, { time, block }) {
  return end > time || (end === time && endedIn > block);
}

/** When a key stops: the end that its change states, cut short or put off by later changes of the same key. */
function endOf(change, changes) {
  let end = seconds(change.validTo);
  for (const later of changes.slice(changes.indexOf(change) + 1)) {
    if (later.time >= end) break;
    if (isDeactivation(later)) return endedBy(later);
    if (later.event !== change.event || toHex(later.name) !== toHex(change.name)) continue;
    if (toHex(later.value) !== toHex(change.value)) continue;
    end = seconds(later.validTo);
    if (end <= later.time) return endedBy(later);
  }
  return { end, endedIn: 0 };
}

function endedBy({ time, block }) {
  return { end: time, endedIn: block };
}

/** Every value that stood as a key of a suite in the DID by changes up to a block, in hex. */
export function everKeys(changes, suite, block) {
  return new Set(changes.filter((change) => change.block <= block && isKeyOf(change, suite)).map((change) => toHex(change.value)));
}

function isKeyOf(change, suite) {
  return (
    change.event === 'DIDAttributeChanged' &&
    toHex(change.name) === toHex(nameWord(suite.attribute)) &&
    change.value.length === suite.keyLength
  );
}

function isDeactivation(change) {
  return change.event === 'DIDOwnerChanged' && isZero(change.owner);
}

/** A uint256 of seconds; beyond 2^53 - 1 it is for ever. */
function seconds(word) {
  const value = BigInt(`0x${toHex(word)}`);
  return value > BigInt(FOREVER) ? FOREVER : Number(value);
}
