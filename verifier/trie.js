/** Merkle Patricia tries with hashed keys, opened from one pool of nodes of which none may be left over. */

import { EMPTY, ZERO_HASH, equal, toHex } from './bytes.js';
import { keccak, leftPadded } from './keccak.js';
import { decodeRlp, encodeRlp } from './rlp.js';

export class BadProof extends Error {}

const EMPTY_ROOT = keccak(encodeRlp(EMPTY));
const EMPTY_CODE = keccak(EMPTY);

/** Nodes found by their keccak-256; each once. */
export class Pool {
  constructor(nodes) {
    this.nodes = new Map();
    this.used = new Set();
    for (const node of nodes) {
      const name = toHex(keccak(node));
      if (this.nodes.has(name)) throw new BadProof('a node stands twice');
      if (node.length < 32) throw new BadProof('a node of less than 32 bytes stands by itself');
      this.nodes.set(name, node);
    }
  }

  node(hash) {
    const name = toHex(hash);
    const bytes = this.nodes.get(name);
    if (bytes === undefined) throw new BadProof('a node of the path is missing');
    this.used.add(name);
    return decodeRlp(bytes);
  }

  /** Throw where a node was not needed. */
  allUsed() {
    if (this.used.size !== this.nodes.size) throw new BadProof('a node is left over');
  }
}

/** Return {storageRoot, codeHash} of an address (20 bytes); throws BadProof where there is none. */
export function openAccount(pool, stateRoot, address) {
  const value = walk(pool, stateRoot, keccak(address));
  if (value === null) throw new BadProof('there is no such account');
  const account = decodeRlp(value);
  if (!Array.isArray(account) || account.length !== 4 || account.some(Array.isArray)) throw new BadProof('no account');
  const [, , storageRoot, codeHash] = account;
  if (storageRoot.length !== 32 || codeHash.length !== 32) throw new BadProof('no account');
  if (equal(codeHash, EMPTY_CODE)) throw new BadProof('the account is no contract');
  return { storageRoot, codeHash };
}

/** Return the word of a slot (32 bytes), zero where the trie does not hold it. */
export function openSlot(pool, storageRoot, slot) {
  if (equal(storageRoot, EMPTY_ROOT)) return ZERO_HASH; // the empty trie has no node
  const value = walk(pool, storageRoot, keccak(slot));
  if (value === null) return ZERO_HASH;
  const number = decodeRlp(value);
  if (Array.isArray(number) || number.length === 0 || number.length > 32 || number[0] === 0) {
    throw new BadProof('no number of a slot');
  }
  return leftPadded(number);
}

function walk(pool, root, key) {
  const path = nibblesOf(key);
  let node = pool.node(root);
  let at = 0;
  for (;;) {
    if (!Array.isArray(node)) {
      if (node.length === 0) return null;
      throw new BadProof('no node');
    }
    if (node.length === 17) {
      if (at === path.length) return valueOf(node[16]);
      const child = node[path[at]];
      at += 1;
      if (isNothing(child)) return null;
      node = follow(pool, child);
    } else if (node.length === 2) {
      const { nibbles, isLeaf } = compactPath(node[0]);
      const fits = nibbles.every((nibble, index) => path[at + index] === nibble);
      if (isLeaf) return fits && at + nibbles.length === path.length ? valueOf(node[1]) : null;
      if (!fits) return null;
      at += nibbles.length;
      node = follow(pool, node[1]);
    } else {
      throw new BadProof('no node');
    }
  }
}

/** A child is the hash of a node, or the node itself where that is shorter than 32 bytes. */
function follow(pool, child) {
  if (Array.isArray(child)) {
    if (encodeRlp(child).length >= 32) throw new BadProof('a node of 32 bytes or more stands in its parent');
    return child;
  }
  if (child.length !== 32) throw new BadProof('no reference to a node');
  return pool.node(child);
}

function isNothing(child) {
  return !Array.isArray(child) && child.length === 0;
}

function valueOf(item) {
  if (Array.isArray(item) || item.length === 0) throw new BadProof('no value');
  return item;
}

function compactPath(item) {
  if (Array.isArray(item) || item.length === 0) throw new BadProof('no path');
  const [flag, ...nibbles] = nibblesOf(item);
  if (flag > 3) throw new BadProof('no path');
  if (flag % 2 === 0 && nibbles.shift() !== 0) throw new BadProof('no path');
  if (flag < 2 && nibbles.length === 0) throw new BadProof('an extension of nothing');
  return { nibbles, isLeaf: flag >= 2 };
}

function nibblesOf(bytes) {
  const nibbles = [];
  for (const byte of bytes) nibbles.push(byte >> 4, byte & 15);
  return nibbles;
}
