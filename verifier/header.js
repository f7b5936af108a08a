/** Header rules: what a block's header says and how it hashes. Another engine is one more entry here. */

import { keccak } from './keccak.js';
import { NotRlp, decodeRlp, rlpNumber } from './rlp.js';

const STATE_ROOT = 3;
const NUMBER = 8;
const TIMESTAMP = 11;
const LEAST_FIELDS = 15;

export const HEADER_RULES = new Map([['ethereum/1', readEthereum]]);

/** Return {hash, number, time, stateRoot}; throws NotRlp. */
function readEthereum(bytes) {
  const fields = decodeRlp(bytes);
  if (!Array.isArray(fields) || fields.length < LEAST_FIELDS || fields[STATE_ROOT].length !== 32) {
    throw new NotRlp('no header');
  }
  return {
    hash: keccak(bytes),
    number: rlpNumber(fields[NUMBER]),
    time: rlpNumber(fields[TIMESTAMP]),
    stateRoot: fields[STATE_ROOT],
  };
}
