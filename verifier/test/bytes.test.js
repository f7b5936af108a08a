import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';

import {
  fromBase64, fromBase64url, fromHex, toBase64, toBase64url, toHex, u16, u64, unsigned,
} from '../bytes.js';

test('hex and both kinds of base64 are those of the platform, for any bytes', () => {
  for (let length = 0; length < 100; length++) {
    const bytes = new Uint8Array(randomBytes(length));
    const platform = Buffer.from(bytes);
    assert.equal(toHex(bytes), platform.toString('hex'));
    assert.equal(toBase64(bytes), platform.toString('base64'));
    assert.equal(toBase64url(bytes), platform.toString('base64url'));
    assert.deepEqual(fromHex(toHex(bytes)), bytes);
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
    assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes);
  }
});

test('every text has one spelling', () => {
  for (const text of ['A', 'AB', 'AAB', 'AA=', 'AA==', 'A+==', 'AA/A', 'AAé']) {
    assert.throws(() => fromBase64url(text), TypeError, text);
  }
  for (const text of ['AA', 'AA=', 'AB==', 'AAA', 'AAB=', 'AA-A', 'AAAA====', 'AAAA=', 'AA==AA==']) {
    assert.throws(() => fromBase64(text), TypeError, text);
  }
  for (const text of ['a', 'AA', '0x00', 'zz', '00 ']) assert.throws(() => fromHex(text), TypeError, text);
});

test('unsigned numbers are big-endian and fit', () => {
  assert.equal(toHex(u16(258)), '0102');
  assert.equal(toHex(u64(Number.MAX_SAFE_INTEGER)), '001fffffffffffff');
  for (const [value, width] of [[256, 1], [-1, 8], [1.5, 8], [2 ** 53, 8], ['1', 8]]) {
    assert.throws(() => unsigned(value, width), TypeError);
  }
});
