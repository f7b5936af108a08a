/** Makes Merkle Patricia tries with hashed keys and proofs from them: what `eth_getProof` gives, for tests. */

import { EMPTY, equal, toHex } from '../bytes.js';
import { keccak } from '../keccak.js';
import { encodeRlp } from '../rlp.js';

export class TrieMaker {
  /** @param entries [[key bytes, value bytes]]; keys are hashed here */
  constructor(entries) {
    this.nodes = new Map();
    const leaves = entries.map(([key, value]) => ({ path: nibbles(keccak(key)), value }));
    this.top = leaves.length === 0 ? EMPTY : this.build(leaves, 0);
    const bytes = encodeRlp(this.top);
    this.root = keccak(bytes);
    this.nodes.set(toHex(this.root), bytes);
  }

  /** The nodes on the path of a key, by their hash. */
  proof(key) {
    const path = nibbles(keccak(key));
    const found = [this.nodes.get(toHex(this.root))];
    let node = this.top;
    let at = 0;
    while (Array.isArray(node)) {
      let child;
      if (node.length === 17) {
        child = node[path[at++]];
      } else {
        const { length, leaf } = decodeCompact(node[0]);
        if (leaf) break;
        const own = decodeCompact(node[0]).path;
        if (!own.every((nibble, index) => path[at + index] === nibble)) break;
        at += length;
        child = node[1];
      }
      if (!Array.isArray(child) && child.length === 32 && this.byHash.has(toHex(child))) {
        found.push(this.nodes.get(toHex(child)));
        child = this.byHash.get(toHex(child));
      }
      node = child;
    }
    return found;
  }

  byHash = new Map();

  reference(node) {
    const bytes = encodeRlp(node);
    if (bytes.length < 32) return node;
    const hash = keccak(bytes);
    this.nodes.set(toHex(hash), bytes);
    this.byHash.set(toHex(hash), node);
    return hash;
  }

  build(leaves, depth) {
    if (leaves.length === 1) return [compact(leaves[0].path.slice(depth), true), leaves[0].value];
    let shared = depth;
    while (leaves.every((leaf) => leaf.path[shared] === leaves[0].path[shared])) shared += 1;
    if (shared > depth) {
      return [compact(leaves[0].path.slice(depth, shared), false), this.reference(this.build(leaves, shared))];
    }
    const branch = Array.from({ length: 17 }, () => EMPTY);
    for (let nibble = 0; nibble < 16; nibble++) {
      const below = leaves.filter((leaf) => leaf.path[depth] === nibble);
      if (below.length > 0) branch[nibble] = this.reference(this.build(below, depth + 1));
    }
    return branch;
  }
}

/** Nodes of several proofs, each once. */
export function pooled(...proofs) {
  const pool = [];
  for (const node of proofs.flat()) if (!pool.some((held) => equal(held, node))) pool.push(node);
  return pool;
}

function nibbles(bytes) {
  return [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
}

function compact(path, leaf) {
  const odd = path.length % 2;
  const digits = [2 * leaf + odd, ...(odd ? [] : [0]), ...path];
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => 16 * digits[2 * at] + digits[2 * at + 1]);
}

function decodeCompact(bytes) {
  const [flag, ...rest] = nibbles(bytes);
  const path = flag % 2 === 1 ? rest : rest.slice(1);
  return { path, length: path.length, leaf: flag >= 2 };
}

