/** A suite says how what people read and sign is hashed and signed. Another suite is one more entry here. */

import { hmac as nobleHmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat } from './bytes.js';
import { isEd25519Key, verifyEd25519 } from './ed25519.js';
import { tag } from './sha256.js';
import { isSm2Key, verifySm2 } from './sm2.js';
import { sm3 } from './sm3.js';

export const SUITES = new Map([
  ['sha256-ed25519/1', {
    hash: sha256, alg: 'Ed25519', algorithm: 1, keyLength: 32, attribute: 'did/pub/Ed25519/veriKey/hex',
    isKey: isEd25519Key, verify: verifyEd25519,
  }],
  ['sm3-sm2/1', {
    hash: sm3, alg: 'SM2', algorithm: 2, keyLength: 65, attribute: 'did/pub/SM2/veriKey/hex',
    isKey: isSm2Key, verify: verifySm2,
  }],
]);

/** The suite whose signatures bear a name such as `Ed25519`, or undefined. */
export function suiteOfAlg(alg) {
  return [...SUITES.values()].find((suite) => suite.alg === alg);
}

/** The suite of an algorithm's number, as registry and leaf name it, or undefined. */
export function suiteOfAlgorithm(algorithm) {
  return [...SUITES.values()].find((suite) => suite.algorithm === algorithm);
}

export function hmac(suite, key, data) {
  return nobleHmac(suite.hash, key, data);
}

/** tagged-HMAC(key, t, data) = HMAC(key, tag(t) || data). */
export function taggedHmac(suite, key, text, data) {
  return hmac(suite, key, concat(tag(text), data));
}
