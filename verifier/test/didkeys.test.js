import assert from 'node:assert/strict';
import test from 'node:test';

import { toHex } from '../bytes.js';
import { keysAt } from '../didkeys.js';
import { nameWord } from '../keccak.js';
import { SUITES } from '../suites.js';

const suite = SUITES.get('sha256-ed25519/1');

/** A change that sets a key, or revokes it with `validTo` 0. */
function set(number, block, validTo) {
  const word = new Uint8Array(32);
  new DataView(word.buffer).setBigUint64(24, BigInt(validTo));
  const value = new Uint8Array(32).fill(number);
  return { event: 'DIDAttributeChanged', block, time: 1000 * block, name: nameWord(suite.attribute), value, validTo: word };
}

test('keys that were revoked take no place among the newest thirty-two', () => {
  const changes = [...Array(33).keys()].map((number) => set(number + 1, number + 1, 10 ** 9));
  assert.equal(keysAt(changes, suite, 40).length, 32);
  assert.equal(toHex(keysAt(changes, suite, 40)[0].key), '02'.repeat(32));
  const revoked = [...changes, set(33, 41, 0)];
  assert.equal(keysAt(revoked, suite, 50).length, 32);
  assert.equal(toHex(keysAt(revoked, suite, 50)[0].key), '01'.repeat(32));
});
