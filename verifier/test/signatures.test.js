import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import test from 'node:test';

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';

import { concat, fromHex, toHex, utf8 } from '../bytes.js';
import { isEd25519Key, verifyEd25519 } from '../ed25519.js';
import { isSm2Key, verifySm2 } from '../sm2.js';

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const TORSION = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'); // order 8

const RFC_8032 = [ // section 7.1, tests 1 to 3
  ['d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'],
  ['3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'],
  ['fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025', 'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'],
].map((row) => row.map(fromHex));

test('Ed25519: RFC 8032, and every flipped bit fails', () => {
  for (const [key, message, signature] of RFC_8032) {
    assert.ok(verifyEd25519(key, message, signature));
    assert.ok(!verifyEd25519(key, utf8('another'), signature));
    for (let bit = 0; bit < 512; bit += 7) {
      const flipped = signature.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      assert.ok(!verifyEd25519(key, message, flipped), `bit ${bit}`);
    }
    assert.ok(!verifyEd25519(key, message, signature.subarray(0, 63)));
  }
});

test('Ed25519: S is below L, or each signature had a twin', () => {
  const [key, message, signature] = RFC_8032[1];
  const twin = concat(signature.subarray(0, 32), littleEndian(numberOf(signature.subarray(32)) + ORDER));
  assert.ok(!verifyEd25519(key, message, twin));
});

test('Ed25519: a key in another spelling, or of small order, signs nothing', () => {
  const keys = [
    `01${'00'.repeat(31)}`, '00'.repeat(32), `${'00'.repeat(31)}80`, `ec${'ff'.repeat(30)}7f`,
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    `ee${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(30)}ff`, 'ff'.repeat(32),
  ];
  const forged = concat(Uint8Array.of(1), new Uint8Array(63));
  for (const key of keys) {
    assert.ok(!isEd25519Key(fromHex(key)), key);
    for (let number = 0; number < 16; number++) assert.ok(!verifyEd25519(fromHex(key), utf8(`message ${number}`), forged));
  }
  for (const length of [0, 31, 33]) assert.ok(!isEd25519Key(new Uint8Array(length)));
});

test('Ed25519: a key of mixed order signs nothing, whatever its equation says', () => {
  const secret = 12345n;
  const key = Point.BASE.multiply(secret).add(TORSION).toBytes();
  for (const cancels of [true, false]) {
    const { message, signature } = textbook(secret, key, cancels, 0n);
    assert.ok(!verifyEd25519(key, message, signature));
  }
});

test('Ed25519: without cofactor, R with a part of small order is refused (the library takes it)', () => {
  const secret = 12345n;
  const key = Point.BASE.multiply(secret).toBytes();
  const { message, signature } = textbook(secret, key, false, 1n);
  assert.ok(ed25519.verify(signature, message, key, { zip215: true }));
  assert.ok(!verifyEd25519(key, message, signature));
});

test('Ed25519: R in another spelling is refused', () => {
  // R is the neutral point, whose y = 1 has the second spelling p + 1; S = k a.
  const secret = 12345n;
  const key = Point.BASE.multiply(secret).toBytes();
  for (const [r, holds] of [[`01${'00'.repeat(31)}`, true], [`ee${'ff'.repeat(30)}7f`, false], [`01${'00'.repeat(30)}80`, false]]) {
    const k = numberOf(sha512(concat(fromHex(r), key, utf8('m')))) % ORDER;
    assert.equal(verifyEd25519(key, utf8('m'), concat(fromHex(r), littleEndian((k * secret) % ORDER))), holds, r);
  }
});

test('SM2: the example of GB/T 32918.5, and every flipped bit fails', () => {
  const key = fromHex(
    '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13',
  );
  const signature = fromHex(
    'f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa',
  );
  assert.ok(verifySm2(key, utf8('message digest'), signature));
  assert.ok(!verifySm2(key, utf8('message digesT'), signature));
  for (let bit = 0; bit < 512; bit += 31) {
    const flipped = signature.slice();
    flipped[bit >> 3] ^= 1 << (bit & 7);
    assert.ok(!verifySm2(key, utf8('message digest'), flipped), `bit ${bit}`);
  }
  const beyond = fromHex(`${'ff'.repeat(32)}${toHex(signature.subarray(32))}`);
  assert.ok(!verifySm2(key, utf8('message digest'), beyond));
  assert.ok(!verifySm2(key, utf8('message digest'), new Uint8Array(64)));
  const elsewhere = key.slice();
  elsewhere[64] ^= 1;
  assert.ok(!isSm2Key(elsewhere));
  for (const first of [2, 3, 6, 7]) assert.ok(!isSm2Key(concat(Uint8Array.of(first), key.subarray(1))));
});

test('Ed25519: what the platform signs, holds', () => {
  const pair = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]), format: 'der', type: 'pkcs8',
  });
  const key = new Uint8Array(createPublicKey(pair).export({ format: 'der', type: 'spki' }).subarray(-32));
  for (let number = 0; number < 10; number++) {
    const message = utf8(`message ${number}`);
    assert.ok(verifyEd25519(key, message, new Uint8Array(sign(null, message, pair))));
  }
});

/** A signature under (secret)B + torsion, for the first message whose torsion cancels, or does not. */
function textbook(secret, key, cancels, rTorsion) {
  for (let number = 0n; number < 1000n; number++) {
    const message = utf8(`message ${number}`);
    const r = 77n + number;
    const nonce = Point.BASE.multiply(r).add(TORSION.multiplyUnsafe(rTorsion)).toBytes();
    const k = numberOf(sha512(concat(nonce, key, message))) % ORDER;
    if (((k + rTorsion) % 8n === 0n) === cancels) {
      return { message, signature: concat(nonce, littleEndian((r + k * secret) % ORDER)) };
    }
  }
  throw new Error('none of a thousand');
}

function numberOf(bytes) {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}

function littleEndian(number) {
  return fromHex(number.toString(16).padStart(64, '0')).reverse();
}
