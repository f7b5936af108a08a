import assert from 'node:assert/strict';
import test from 'node:test';

import { toHex } from '../bytes.js';
import { DidKeys, endsAfter, keysAt } from '../didkeys.js';
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

test('the keys between two changes are worked out once, and are those of their place', () => {
  const changes = [set(1, 10, 10 ** 9), set(2, 20, 10 ** 9), set(1, 30, 0)];
  const keys = new DidKeys(changes);
  for (const block of [5, 10, 15, 20, 29, 30, 99]) {
    assert.deepEqual(keys.at(suite, block), keysAt(changes, suite, block));
  }
  assert.equal(keys.at(suite, 21), keys.at(suite, 29));
  assert.notEqual(keys.at(suite, 19), keys.at(suite, 20));
});

test('of two blocks of one second their order says whether a key had ended', () => {
  const revoked = { ...set(1, 30, 0), time: 7000 };
  const [key] = keysAt([set(1, 5, 10 ** 9), revoked], suite, 10);
  assert.deepEqual([29, 30, 31].map((block) => endsAfter(key, { time: 7000, block })), [true, false, false]);
  assert.equal(endsAfter(key, { time: 6999, block: 99 }), true);
  assert.equal(endsAfter(key, { time: 7001, block: 1 }), false);
  const [stated] = keysAt([set(1, 5, 7000)], suite, 10);
  assert.equal(endsAfter(stated, { time: 7000, block: 1 }), false);
});
