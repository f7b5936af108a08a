/** RFC 9162 trees over SHA-256, and one proof that several leaves stand in one tree. */

import { EMPTY, u8 } from './bytes.js';
import { sha256 } from './sha256.js';

export class BadPath extends Error {}

const LEAF = u8(0);
const NODE = u8(1);

export const EMPTY_TREE = sha256(EMPTY);

export function leafHash(entry) {
  return sha256(LEAF, entry);
}

export function nodeHash(left, right) {
  return sha256(NODE, left, right);
}

/** The root over leaf hashes. */
export function rootOf(leaves) {
  if (leaves.length === 0) return EMPTY_TREE;
  if (leaves.length === 1) return leaves[0];
  const left = leftPart(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, left)), rootOf(leaves.slice(left)));
}

/**
 * The root that an inclusion path leads to.
 *
 * @param leaf leaf hash @param index its place @param size leaves of the tree @param path hashes from leaf to root
 */
export function rootByPath(leaf, index, size, path) {
  if (index >= size) throw new BadPath('no place in the tree');
  let root = leaf;
  let place = index;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) throw new BadPath('the path is too long');
    if (place % 2 === 1 || place === last) {
      root = nodeHash(sibling, root);
      while (place % 2 === 0 && place !== 0) {
        place = Math.floor(place / 2);
        last = Math.floor(last / 2);
      }
    } else {
      root = nodeHash(root, sibling);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new BadPath('the path is too short');
  return root;
}

/**
 * The root that a multiproof gives.
 *
 * @param leaves Map of place to leaf hash, at least one @param size leaves of the tree @param hashes what is missing
 */
export function rootByMultiproof(leaves, size, hashes) {
  const places = [...leaves.keys()].sort((a, b) => a - b);
  if (places.length === 0) throw new BadPath('a proof of no leaf');
  if (places.at(-1) >= size) throw new BadPath('no place in the tree');
  let used = 0;
  const next = () => {
    if (used === hashes.length) throw new BadPath('the proof is too short');
    return hashes[used++];
  };
  /** Places `from` .. `to` of the list lie in the part of the tree from leaf a to leaf b - 1. */
  const cover = (a, b, from, to) => {
    if (from === to) return next();
    if (b - a === 1) return leaves.get(a);
    const middle = a + leftPart(b - a);
    let split = from;
    while (split < to && places[split] < middle) split += 1;
    return nodeHash(cover(a, middle, from, split), cover(middle, b, split, to));
  };
  const root = cover(0, size, 0, places.length);
  if (used !== hashes.length) throw new BadPath('the proof is too long');
  return root;
}

/** The largest power of two below n, for n >= 2. */
export function leftPart(n) {
  let part = 1;
  while (part * 2 < n) part *= 2;
  return part;
}
