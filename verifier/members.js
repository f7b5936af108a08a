/** Members of the network: their keys' digest, and the tree of those that are active. */

import { ZERO_HASH, concat, isZero, u16, u8 } from './bytes.js';
import { keccak } from './keccak.js';
import { sha256, tag } from './sha256.js';

export const DEPTH = 10;
export const BROKER = 1;

const LEAF = u8(0);
const NODE = u8(1);

/** The digest that the registry and the leaf of an anchor hold of {algorithm, signing, checkpoint, agreement, compliance}. */
export function keysDigest({ algorithm, signing, checkpoint, agreement, compliance }) {
  return sha256(
    tag('bonafides/member-keys/2'), u16(algorithm), u16(signing.length), signing, checkpoint, agreement, compliance,
  );
}

/** The root of the active members that this one is shown under; `path` from leaf to root, `number` from 0. */
export function activeRoot(address, role, digest, number, path) {
  let node = keccak(concat(LEAF, address, u8(role), digest));
  path.forEach((sibling, level) => {
    node = (number >> level) & 1 ? memberNode(sibling, node) : memberNode(node, sibling);
  });
  return node;
}

export function memberNode(left, right) {
  return isZero(left) && isZero(right) ? ZERO_HASH : keccak(concat(NODE, left, right));
}
