/** Header rules: what a block's header says, how it hashes, and who sealed it. Another engine is one more entry here. */

import { keccak } from './keccak.js';
import { readQbft } from './qbft.js';
import { NotRlp, decodeRlp, rlpNumber } from './rlp.js';

const STATE_ROOT = 3;
const NUMBER = 8;
const TIMESTAMP = 11;
const LEAST_FIELDS = 15;

/**
 * By name: {hasSeals, read}. `read` takes bytes and returns {hash, number, time, stateRoot, isSealedBy}; throws NotRlp.
 * `isSealedBy` takes addresses, and is null where the rule has no seals.
 */
export const HEADER_RULES = new Map([
  ['ethereum/1', { hasSeals: false, read: (bytes) => ({ ...fieldsOf(decodeRlp(bytes)), hash: keccak(bytes), isSealedBy: null }) }],
  ['qbft/1', { hasSeals: true, read: (bytes) => readQbft(bytes, fieldsOf) }],
]);

function fieldsOf(fields) {
  if (!Array.isArray(fields) || fields.length < LEAST_FIELDS || fields[STATE_ROOT].length !== 32) throw new NotRlp('no header');
  if (fields.some((field) => Array.isArray(field))) throw new NotRlp('no header');
  return { number: rlpNumber(fields[NUMBER]), time: rlpNumber(fields[TIMESTAMP]), stateRoot: fields[STATE_ROOT] };
}
