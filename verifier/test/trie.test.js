import assert from 'node:assert/strict';
import test from 'node:test';

import { EMPTY, ZERO_HASH, equal, fromHex, toHex, u256, utf8 } from '../bytes.js';
import { keccak } from '../keccak.js';
import { NotRlp, decodeRlp, encodeRlp, rlpNumber } from '../rlp.js';
import { BadProof, Pool, openAccount, openSlot } from '../trie.js';
import { TrieMaker, pooled } from './trie-maker.js';

test('RLP: examples of the Ethereum tests, both ways', () => {
  const long = 'Lorem ipsum dolor sit amet, consectetur adipisicing elit';
  const examples = [
    [EMPTY, '80'], [Uint8Array.of(0), '00'], [Uint8Array.of(1), '01'], [Uint8Array.of(127), '7f'],
    [utf8('dog'), '83646f67'], [utf8(long), `b838${toHex(utf8(long))}`], [fromHex('80'), '8180'],
    [[], 'c0'], [[utf8('dog'), utf8('god'), utf8('cat')], 'cc83646f6783676f6483636174'],
    [[[[], []], []], 'c4c2c0c0c0'], [[[], [[]], [[], [[]]]], 'c7c0c1c0c3c0c1c0'],
  ];
  for (const [item, hex] of examples) {
    assert.equal(toHex(encodeRlp(item)), hex);
    assert.deepEqual(decodeRlp(fromHex(hex)), item);
  }
});

test('RLP: another spelling is refused', () => {
  const texts = [
    '', '8100', '817f', 'b800', 'b80100', 'b90000', 'b90038', 'bf0f000000000000021111', 'f800', 'c1', '83646f', 'c883646f67',
    '8080', 'b837', 'f90000', 'ffffffffffffffffff', 'bfffffffffffffffff', 'c18100', `${'c1'.repeat(40)}c0`,
  ];
  for (const hex of texts) assert.throws(() => decodeRlp(fromHex(hex)), NotRlp, hex);
  for (const hex of ['00', '0001', '20000000000000', '010000000000000000']) assert.throws(() => rlpNumber(fromHex(hex)), NotRlp);
  assert.equal(rlpNumber(EMPTY), 0);
  assert.equal(rlpNumber(fromHex('1fffffffffffff')), Number.MAX_SAFE_INTEGER);
});

test('secure tries have the roots of the Ethereum tests', () => {
  const cases = [
    [{ A: 'a'.repeat(50) }, 'e9e2935138352776cad724d31c9fa5266a5c593bb97726dd2a908fe6d53284df'],
    [{ doe: 'reindeer', dog: 'puppy', dogglesworth: 'cat' }, 'd4cd937e4a4368d7931a9cf51686b7e10abb3dce38a39000fd7902a092b64585'],
    [{ do: 'verb', horse: 'stallion', doge: 'coin', dog: 'puppy' }, '29b235a58c3c25ab83010c327d5932bcf05324b7d6b1185e650798034783ca9d'],
  ];
  for (const [entries, root] of cases) {
    const trie = new TrieMaker(Object.entries(entries).map(([key, value]) => [utf8(key), utf8(value)]));
    assert.equal(toHex(trie.root), root);
  }
});

test('slots open to their value or to zero, under no other root and with nothing left over', () => {
  for (const count of [1, 2, 3, 20, 300]) {
    const slots = Array.from({ length: count }, (_, index) => [u256(index), encodeRlp(fromHex((index + 1).toString(16).padStart(4, '0').replace(/^00/, '')))]);
    const trie = new TrieMaker(slots);
    for (let index = 0; index < count + 30; index += Math.ceil(count / 7)) {
      const nodes = pooled(trie.proof(u256(index)));
      const pool = new Pool(nodes);
      assert.deepEqual(openSlot(pool, trie.root, u256(index)), index < count ? u256(index + 1) : ZERO_HASH);
      pool.allUsed();
      assert.throws(() => openSlot(new Pool(nodes.slice(0, -1)), trie.root, u256(index)), BadProof);
      const more = new Pool(pooled(nodes, [utf8('more than thirty-two bytes, and no node')]));
      openSlot(more, trie.root, u256(index));
      assert.throws(() => more.allUsed(), /left over/);
    }
  }
  const node = utf8('a'.repeat(40));
  for (const nodes of [[node, node], [utf8('short')]]) assert.throws(() => new Pool(nodes), BadProof);
});

test('an account opens to its roots; a missing one and one without code are refused', () => {
  const account = (code) => encodeRlp([Uint8Array.of(1), EMPTY, keccak(utf8('storage')), keccak(code)]);
  const [contract, person, nobody] = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte));
  const trie = new TrieMaker([[contract, account(utf8('code'))], [person, account(EMPTY)]]);
  const pool = new Pool(pooled(trie.proof(contract), trie.proof(person), trie.proof(nobody)));
  const opened = openAccount(pool, trie.root, contract);
  assert.ok(equal(opened.codeHash, keccak(utf8('code'))) && equal(opened.storageRoot, keccak(utf8('storage'))));
  assert.throws(() => openAccount(pool, trie.root, person), /no contract/);
  assert.throws(() => openAccount(pool, trie.root, nobody), /no such account/);
});

test('storage that holds nothing needs no node', () => {
  const empty = new TrieMaker([]);
  assert.deepEqual(openSlot(new Pool([]), empty.root, u256(7)), ZERO_HASH);
});
