import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import test from 'node:test';

import { fromHex, toHex, utf8 } from '../bytes.js';
import { abiEncode, keccak, leftPadded, nameWord } from '../keccak.js';
import { sha256 } from '../sha256.js';
import { sm3 } from '../sm3.js';
import { SUITES, hmac, taggedHmac } from '../suites.js';

test('SHA-256 (FIPS 180-4) and keccak-256 (Ethereum)', () => {
  assert.equal(toHex(sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  assert.equal(toHex(sha256()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  assert.equal(toHex(keccak()), 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
  assert.equal(
    toHex(keccak(utf8('Transfer(address,address,uint256)'))),
    'ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
  );
});

test('SM3: the examples of GB/T 32905-2016, and any length against the platform', (context) => {
  assert.equal(toHex(sm3(utf8('abc'))), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0');
  assert.equal(toHex(sm3(utf8('abcd'.repeat(16)))), 'debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732');
  for (let length = 0; length < 200; length += 7) {
    const data = randomBytes(length);
    assert.equal(toHex(sm3(new Uint8Array(data))), createHash('sm3').update(data).digest('hex'));
  }
  context.diagnostic('29 lengths');
});

test('HMAC of both suites is that of the platform; a tag has its length before it', () => {
  for (const [name, digest] of [['sha256-ed25519/1', 'sha256'], ['sm3-sm2/1', 'sm3']]) {
    const suite = SUITES.get(name);
    for (const length of [0, 32, 64, 65, 200]) {
      const key = randomBytes(length);
      const mac = createHmac(digest, key).update('data').digest('hex');
      assert.equal(toHex(hmac(suite, new Uint8Array(key), utf8('data'))), mac);
    }
    const key = utf8('key');
    const tagged = createHmac(digest, 'key').update(Buffer.from([3])).update('tagdata').digest('hex');
    assert.equal(toHex(taggedHmac(suite, key, 'tag', utf8('data'))), tagged);
  }
});

test('abi.encode: the example of the Solidity specification', () => {
  // f(uint256,uint32[],bytes10,bytes) of the specification, with words and bytes alone: (0x123, "1234567890", "Hello, world!")
  const encoded = abiEncode(leftPadded(fromHex('0123')), nameWord('1234567890'), { tail: utf8('Hello, world!') });
  assert.deepEqual(toHex(encoded).match(/.{64}/g), [
    '0000000000000000000000000000000000000000000000000000000000000123',
    '3132333435363738393000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000060',
    '000000000000000000000000000000000000000000000000000000000000000d',
    '48656c6c6f2c20776f726c642100000000000000000000000000000000000000',
  ]);
});
