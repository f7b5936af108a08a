/** SM2 signatures with SM3 (GB/T 32918.2-2016, curve of GB/T 32918.5), signer id `1234567812345678`. */

import { weierstrass } from '@noble/curves/abstract/weierstrass.js';
import { concat, fromHex, toHex, u16, utf8 } from './bytes.js';
import { sm3 } from './sm3.js';

const CURVE = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
};
const Point = weierstrass(CURVE);
const SIGNER_ID = utf8('1234567812345678');

/** Return whether `signature` (r || s, 64 bytes) of `message` is by `key` (0x04 || x || y). */
export function verifySm2(key, message, signature) {
  const point = pointOf(key);
  if (point === null || signature.length !== 64) return false;
  const r = bigEndian(signature.subarray(0, 32));
  const s = bigEndian(signature.subarray(32));
  const t = (r + s) % CURVE.n;
  if (r === 0n || r >= CURVE.n || s === 0n || s >= CURVE.n || t === 0n) return false;
  const sum = Point.BASE.multiplyUnsafe(s).add(point.multiplyUnsafe(t));
  if (sum.is0()) return false;
  return (digestOf(key, message) + sum.toAffine().x) % CURVE.n === r;
}

/** Return whether 65 bytes are an uncompressed point of the curve. */
export function isSm2Key(key) {
  return pointOf(key) !== null;
}

/** e = SM3(Z || message), with Z = SM3(bits of the id || id || a || b || xG || yG || xA || yA). */
function digestOf(key, message) {
  const curve = [CURVE.a, CURVE.b, CURVE.Gx, CURVE.Gy].map(word);
  const z = sm3(concat(u16(8 * SIGNER_ID.length), SIGNER_ID, ...curve, key.subarray(1)));
  return bigEndian(sm3(concat(z, message)));
}

function pointOf(key) {
  if (key.length !== 65 || key[0] !== 4) return null;
  try {
    const point = Point.fromBytes(key);
    point.assertValidity();
    return point;
  } catch {
    return null;
  }
}

function word(number) {
  return fromHex(number.toString(16).padStart(64, '0'));
}

function bigEndian(bytes) {
  return BigInt(`0x${toHex(bytes)}`);
}
