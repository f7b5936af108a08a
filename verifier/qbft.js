/** Headers of Besu's QBFT: hashed without seals, sealed by two thirds of the validators (section 9.4). */

import { secp256k1 } from '@noble/curves/secp256k1.js';

import { EMPTY, toHex } from './bytes.js';
import { keccak } from './keccak.js';
import { NotRlp, decodeRlp, encodeRlp, rlpNumber } from './rlp.js';

const EXTRA = 12;
const ADD = 0xff;

/** Return {hash, number, time, stateRoot, isSealedBy} of a header; throws NotRlp. */
export function readQbft(bytes, fieldsOf) {
  const fields = decodeRlp(bytes);
  const said = fieldsOf(fields);
  const extra = readExtra(decodeRlp(fields[EXTRA]));
  const hashWith = (round) => keccak(encodeRlp(fields.with(EXTRA, encodeRlp([...extra.agreed, round, []]))));
  const digest = hashWith(extra.round);
  return {
    ...said,
    hash: said.number === 0 ? keccak(bytes) : hashWith(EMPTY),
    isSealedBy: (validators) => areSealers(extra.seals.map((seal) => sealer(digest, seal)), validators),
  };
}

/** At least two thirds of n, rounded up, nobody else, and nobody twice. */
function areSealers(sealers, validators) {
  const allowed = new Set(validators.map(toHex));
  const found = new Set(sealers);
  return found.size === sealers.length && 3 * found.size >= 2 * allowed.size && [...found].every((one) => allowed.has(one));
}

/** The address (hex) that sealed a digest, or null. */
function sealer(digest, seal) {
  try {
    const signature = secp256k1.Signature.fromBytes(seal.subarray(0, 64), 'compact').addRecoveryBit(seal[64]);
    const key = signature.recoverPublicKey(digest).toBytes(false);
    return toHex(keccak(key.subarray(1)).subarray(12));
  } catch {
    return null;
  }
}

function readExtra(extra) {
  if (!Array.isArray(extra) || extra.length !== 5) throw new NotRlp('no extra data of QBFT');
  const [vanity, validators, vote, round, seals] = extra;
  const good = !Array.isArray(vanity) && isListOf(validators, 20) && isVote(vote) && isListOf(seals, 65);
  if (!good || seals.some((seal) => seal[64] > 1)) throw new NotRlp('no extra data of QBFT');
  rlpNumber(round);
  return { agreed: [vanity, validators, vote], round, seals };
}

function isListOf(items, length) {
  return Array.isArray(items) && items.every((item) => !Array.isArray(item) && item.length === length);
}

/** Nothing, or an address to add or to drop. */
function isVote(vote) {
  if (!Array.isArray(vote)) return false;
  if (vote.length === 0) return true;
  const [address, kind] = vote;
  if (vote.length !== 2 || Array.isArray(address) || Array.isArray(kind) || address.length !== 20) return false;
  return kind.length === 0 || (kind.length === 1 && kind[0] === ADD);
}
