/** The append-only map from label to entry: presence and absence. */

import { ZERO_HASH, equal, u8 } from './bytes.js';
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
