/** Trust files: signed checkpoints of a chain, under keys that the verifier pins (section 10). */

import { equal, toHex } from './bytes.js';
import { canonical } from './canonical.js';
import { Failed, NotABundle } from './failures.js';
import { NotJson, readJson } from './json.js';
import { HEADER_RULES } from './header.js';
import { address, anyObject, base64url, did, hex, hex0x, is, listOf, objectOf, oneOf, text, whole } from './shapes.js';
import { suiteOfAlg } from './suites.js';

export const TRUST_LIMITS = { bytes: 65_536, items: 1_000, depth: 8 };

export const HEADER_RULE = text(/^[a-z0-9-]{1,32}\/[1-9][0-9]{0,3}$/, 'header-rule');

const MEMBERS = {
  format: is('bonafides.trust/2'),
  chain_id: whole(1),
  header_rule: HEADER_RULE,
  directory: address,
  block: objectOf({ number: whole(), hash: hex0x(32), time: whole() }),
  signer: objectOf({ did, alg: oneOf('Ed25519', 'SM2'), key: hex() }),
  signature: base64url(64),
};
const TRUST = objectOf(MEMBERS);
const TRUST_OF_SEALS = objectOf({ ...MEMBERS, validators: listOf(address, 1) });

/** Read a trust file; throws NotABundle. What it says holds only once `checkSigner` passed. */
export function readTrust(bytes) {
  let value;
  try {
    value = readJson(bytes, TRUST_LIMITS);
  } catch (error) {
    if (error instanceof NotJson) throw new NotABundle('trust', error.message);
    throw error;
  }
  const { header_rule: name } = anyObject(value, 'trust');
  const trust = (HEADER_RULES.get(name)?.hasSeals ? TRUST_OF_SEALS : TRUST)(value, 'trust');
  if (!suiteOfAlg(trust.signer.alg).isKey(trust.signer.key)) throw new NotABundle('trust.signer.key', 'key');
  const { signature, ...signed } = value;
  return { ...trust, signedBytes: canonical(signed) };
}

/** The file is signed by its signer's key, which is one of the pinned ones (hex). */
export function checkSigner(trust, pinned) {
  const { alg, key, did: signer } = trust.signer;
  if (!pinned.includes(toHex(key))) throw new Failed('trust-not-pinned', { signer });
  if (!suiteOfAlg(alg).verify(key, trust.signedBytes, trust.signature)) throw new Failed('trust-signature', { signer });
}

/** All speak of one chain and Directory, and those of one number name the same block. */
export function checkAgreement(trusts) {
  const [first] = trusts;
  for (const trust of trusts) {
    const same = trust.chain_id === first.chain_id && trust.header_rule === first.header_rule;
    if (!same || !equal(trust.directory, first.directory)) throw new Failed('trust-other-chain');
    const twin = trusts.find((other) => other.block.number === trust.block.number);
    if (!equal(twin.block.hash, trust.block.hash) || twin.block.time !== trust.block.time) throw new Failed('trust-fork', { block: trust.block.number });
  }
}
