/**
 * Ed25519 by the strict rule of this project: without cofactor, one spelling, no key of small or mixed order.
 *
 * The library's own `verify` multiplies by the cofactor (as RFC 8032 allows), and takes keys of mixed order. Readers with
 * and without cofactor would then disagree about a signature, so the equation is written here over the library's points.
 */

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concat, equal, toHex } from './bytes.js';

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const KNOWN_KEYS = new Map();
const MOST_KNOWN_KEYS = 1024;

/** Return whether `signature` (64 bytes) of `message` is by `key` (32 bytes). */
export function verifyEd25519(key, message, signature) {
  const point = pointOf(key);
  if (point === null || signature.length !== 64) return false;
  const nonce = signature.subarray(0, 32);
  const scalar = littleEndian(signature.subarray(32));
  if (scalar >= ORDER) return false;
  const challenge = littleEndian(sha512(concat(nonce, key, message))) % ORDER;
  const expected = Point.BASE.multiplyUnsafe(scalar).subtract(point.multiplyUnsafe(challenge));
  return equal(expected.toBytes(), nonce);
}

/** Return whether 32 bytes are a key that may sign: a point in its one spelling, of order L. */
export function isEd25519Key(key) {
  return pointOf(key) !== null;
}

function pointOf(key) {
  if (key.length !== 32) return null;
  const name = toHex(key);
  if (!KNOWN_KEYS.has(name)) {
    if (KNOWN_KEYS.size >= MOST_KNOWN_KEYS) KNOWN_KEYS.clear();
    KNOWN_KEYS.set(name, decode(key));
  }
  return KNOWN_KEYS.get(name);
}

function decode(key) {
  let point;
  try {
    point = Point.fromBytes(key, false);
  } catch {
    return null;
  }
  return equal(point.toBytes(), key) && !point.isSmallOrder() && point.isTorsionFree() ? point : null;
}

function littleEndian(bytes) {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}
