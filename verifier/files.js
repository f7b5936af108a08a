/** Files in, a verdict out: each may be packed or not (section 12.1). */

import { toHex } from './bytes.js';
import { NotABundle } from './failures.js';
import { unpack } from './gzip.js';
import { BUNDLE_LIMITS } from './json.js';
import { readPromises } from './promises.js';
import { sha256 } from './sha256.js';
import { TRUST_LIMITS } from './trust.js';
import { noBundle, verify } from './verify.js';

/**
 * Verify a bundle under trust files.
 *
 * @param input {bundle: bytes, trusts: [bytes], pinned, least, promises: bytes of a file or null}, as `verify` takes them
 * @returns {verdict, digest}: what `verify` says, and the SHA-256 of the bundle's JSON in hex, null where there is none
 * @throws NotABundle the file of promises is none
 */
export async function verifyFiles({ bundle, trusts, promises, ...asked }) {
  const held = promises === null ? null : readPromises(await unpack(promises, 'promises', BUNDLE_LIMITS.bytes));
  return verifyPacked({ bundle, trusts, promises: held, ...asked });
}

/** The same, of promises that were read. */
export async function verifyPacked({ bundle, trusts, ...asked }) {
  try {
    const unpacked = {
      bundle: await unpack(bundle, 'bundle', BUNDLE_LIMITS.bytes),
      trusts: await Promise.all(trusts.map((trust) => unpack(trust, 'trust', TRUST_LIMITS.bytes))),
    };
    return { verdict: verify({ ...unpacked, ...asked }), digest: toHex(sha256(unpacked.bundle)) };
  } catch (error) {
    if (!(error instanceof NotABundle)) throw error;
    return { verdict: noBundle(error), digest: null };
  }
}
