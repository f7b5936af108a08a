/** The append-only map from label to entry: presence, absence, and what lies under many labels (section 6). */

import { ZERO_HASH, compare, equal, isZero, u8 } from './bytes.js';
import { sha256, tag } from './sha256.js';

export class BadMapProof extends Error {}

const LEAF = u8(0);
const NODE = u8(1);
const TAG = tag('bonafides/map/2');
const BITS = 256;

export function mapLeaf(label, entry) {
  return sha256(LEAF, TAG, label, entry);
}

export function mapNode(left, right) {
  return sha256(NODE, left, right);
}

/** The root under which `label` holds `entry`; `path` from leaf to root. */
export function rootOfPresence(label, entry, path) {
  return climb(mapLeaf(label, entry), label, path);
}

/** The root under which `label` holds nothing; `other` is {label, entry} of the leaf at which the path ends, or null. */
export function rootOfAbsence(label, path, other) {
  if (other === null) {
    if (path.length > 0 && equal(path[0], ZERO_HASH)) throw new BadMapProof('an empty subtree beside an empty one');
    return climb(ZERO_HASH, label, path);
  }
  if (equal(other.label, label)) throw new BadMapProof('the other leaf is this one');
  for (let depth = 0; depth < path.length; depth++) {
    if (bit(other.label, depth) !== bit(label, depth)) throw new BadMapProof('the other leaf lies elsewhere');
  }
  return climb(mapLeaf(other.label, other.entry), label, path);
}

/**
 * The root under which every wanted label holds what is wanted of it.
 *
 * @param wanted [[label, entry or null for none]], each label once @param walk a character for each place
 * @param hashes what the walk takes, in order
 */
export function rootByLookup(wanted, walk, hashes) {
  const sorted = [...wanted].sort(([a], [b]) => compare(a, b));
  const lookup = new Lookup(walk, hashes);
  const root = lookup.place(sorted, 0);
  lookup.allUsed();
  return root;
}

class Lookup {
  constructor(walk, hashes) {
    Object.assign(this, { walk, hashes, steps: 0, used: 0 });
  }

  /** The hash of a place at a depth, below which the wanted labels lie. */
  place(wanted, depth) {
    const sign = this.walk[this.steps++];
    if (sign === '0') return this.nothing(wanted);
    if (sign === 'h') return this.subtree(wanted);
    if (wanted.length === 0) throw new BadMapProof('nothing is wanted below');
    if (sign === '1') return this.both(wanted, depth);
    if (sign === 'l') return this.other(wanted, depth);
    if (sign === 'f') return this.found(wanted);
    throw new BadMapProof('the walk ends early, or has another character');
  }

  nothing(wanted) {
    mustBeAbsent(wanted);
    return ZERO_HASH;
  }

  subtree(wanted) {
    const hash = this.next();
    if (wanted.length > 0 || isZero(hash)) throw new BadMapProof('a subtree that has to be walked, or is empty');
    return hash;
  }

  both(wanted, depth) {
    if (depth === BITS) throw new BadMapProof('the walk is longer than a label');
    const left = this.place(wanted.filter(([label]) => bit(label, depth) === 0), depth + 1);
    const right = this.place(wanted.filter(([label]) => bit(label, depth) === 1), depth + 1);
    if (isZero(left) && isZero(right)) throw new BadMapProof('two empty places are one');
    return mapNode(left, right);
  }

  other(wanted, depth) {
    mustBeAbsent(wanted);
    const [label, entry] = [this.next(), this.next()];
    if (wanted.some(([one]) => equal(one, label))) throw new BadMapProof('the other leaf is wanted');
    for (let at = 0; at < depth; at++) {
      if (bit(label, at) !== bit(wanted[0][0], at)) throw new BadMapProof('the other leaf lies elsewhere');
    }
    return mapLeaf(label, entry);
  }

  found(wanted) {
    const present = wanted.filter(([, entry]) => entry !== null);
    if (present.length !== 1) throw new BadMapProof('one leaf for another number of wanted entries');
    return mapLeaf(...present[0]);
  }

  next() {
    if (this.used === this.hashes.length) throw new BadMapProof('a hash is missing');
    return this.hashes[this.used++];
  }

  allUsed() {
    if (this.steps !== this.walk.length || this.used !== this.hashes.length) throw new BadMapProof('the walk has more than it needs');
  }
}

function mustBeAbsent(wanted) {
  if (wanted.some(([, entry]) => entry !== null)) throw new BadMapProof('a wanted label is absent');
}

export function bit(label, depth) {
  return (label[depth >> 3] >> (7 - (depth & 7))) & 1;
}

function climb(start, label, path) {
  if (path.length > BITS) throw new BadMapProof('the path is longer than a label');
  return path.reduce((node, sibling, index) => {
    const right = bit(label, path.length - 1 - index);
    return right ? mapNode(sibling, node) : mapNode(node, sibling);
  }, start);
}
