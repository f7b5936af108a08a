/** keccak-256, the hash of Ethereum (not SHA3-256, which pads otherwise), and its ABI words. */

import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, u256, utf8 } from './bytes.js';

export function keccak(...parts) {
  return keccak_256(concat(...parts));
}

/** One word of the ABI: bytes padded with zeros on the left, as addresses and numbers are. */
export function leftPadded(bytes) {
  if (bytes.length > 32) throw new TypeError('longer than a word');
  return concat(new Uint8Array(32 - bytes.length), bytes);
}

/** One or more words: bytes padded with zeros on the right, as names and `bytes` are. */
export function rightPadded(bytes) {
  return concat(bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
}

/** A name of at most 32 ASCII characters as bytes32. */
export function nameWord(name) {
  const bytes = utf8(name);
  if (bytes.length > 32) throw new TypeError('a name longer than a word');
  return concat(bytes, new Uint8Array(32 - bytes.length));
}

/**
 * abi.encode of values: each is a static word (32 bytes) or `{ tail }`, the bytes of a dynamic `bytes` or `string`.
 */
export function abiEncode(...values) {
  const heads = [];
  const tails = [];
  let offset = 32 * values.length;
  for (const value of values) {
    if (value instanceof Uint8Array) {
      heads.push(value);
      continue;
    }
    const tail = concat(u256(value.tail.length), rightPadded(value.tail));
    heads.push(u256(offset));
    tails.push(tail);
    offset += tail.length;
  }
  return concat(...heads, ...tails);
}
