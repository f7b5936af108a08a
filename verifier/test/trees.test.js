import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';

import { ZERO_HASH, equal, fromHex, toHex, utf8 } from '../bytes.js';
import { bit, mapLeaf, mapNode, rootOfAbsence, rootOfPresence } from '../map.js';
import { leafHash, leftPart, rootByMultiproof, rootByPath, rootOf } from '../merkle.js';

/** The list of Certificate Transparency's reference implementation. */
const ENTRIES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(fromHex);
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

test('RFC 9162 roots of the reference lists', () => {
  const leaves = ENTRIES.map(leafHash);
  ROOTS.forEach((root, index) => assert.equal(toHex(rootOf(leaves.slice(0, index + 1))), root));
});

test('every inclusion path leads to the root, from its own place alone', () => {
  for (let size = 1; size <= 17; size++) {
    const leaves = leavesOf(size);
    const root = rootOf(leaves);
    for (let index = 0; index < size; index++) {
      const path = pathOf(leaves, index);
      assert.deepEqual(rootByPath(leaves[index], index, size, path), root);
      for (let other = 0; other < size; other++) {
        if (other !== index) assert.ok(!leadsTo(root, () => rootByPath(leaves[index], other, size, path)));
      }
      assert.throws(() => rootByPath(leaves[index], index, size, [...path, root]));
      if (path.length > 0) assert.throws(() => rootByPath(leaves[index], index, size, path.slice(1)));
    }
    assert.throws(() => rootByPath(leaves[0], size, size, []));
  }
});

test('a multiproof of any leaves gives the root, and no change of it does', () => {
  for (let size = 1; size <= 12; size++) {
    const leaves = leavesOf(size);
    const root = rootOf(leaves);
    for (let round = 0; round < 12; round++) {
      const given = leaves.map((_, index) => index).filter(() => Math.random() < 0.4);
      if (given.length === 0) given.push(size - 1);
      const proof = coverOf(leaves, new Set(given));
      const held = new Map(given.map((index) => [index, leaves[index]]));
      assert.deepEqual(rootByMultiproof(held, size, proof), root);
      assert.throws(() => rootByMultiproof(held, size, [...proof, root]));
      assert.throws(() => rootByMultiproof(held, given.at(-1), proof));
      if (proof.length > 0) {
        assert.throws(() => rootByMultiproof(held, size, proof.slice(1)));
        assert.ok(!leadsTo(root, () => rootByMultiproof(held, size, [ZERO_HASH, ...proof.slice(1)])));
      }
      if (given.length > 1) {
        const swapped = new Map(held).set(given[0], leaves[given[1]]).set(given[1], leaves[given[0]]);
        assert.ok(!leadsTo(root, () => rootByMultiproof(swapped, size, proof)));
      }
    }
  }
  assert.throws(() => rootByMultiproof(new Map(), 3, []));
});

test('a tree of 2^50 leaves is walked, not built', () => {
  const size = 2 ** 50 + 3;
  assert.equal(leftPart(size), 2 ** 50);
  const path = Array.from({ length: 51 }, () => leafHash(utf8('x')));
  assert.doesNotThrow(() => rootByMultiproof(new Map([[5, path[0]]]), size, path));
});

test('the map: presence and absence of every label, and of no other', () => {
  for (const count of [0, 1, 2, 3, 17, 40]) {
    const held = Array.from({ length: count }, () => [random(), random()]);
    const root = mapOf(held);
    for (const [label, entry] of held) {
      const { path } = mapProof(held, label);
      assert.deepEqual(rootOfPresence(label, entry, path), root);
      assert.ok(!leadsTo(root, () => rootOfPresence(label, random(), path)));
      assert.ok(!leadsTo(root, () => rootOfAbsence(label, path, null)));
      assert.throws(() => rootOfAbsence(label, path, { label, entry }));
    }
    for (let round = 0; round < 20; round++) {
      const label = random();
      const { path, other } = mapProof(held, label);
      assert.deepEqual(rootOfAbsence(label, path, other), root);
      if (other !== null) {
        const far = other.label.slice();
        far[0] ^= 0x80;
        if (path.length > 0) assert.ok(!leadsTo(root, () => rootOfAbsence(far, path, other)));
      }
    }
  }
});

function random() {
  return new Uint8Array(randomBytes(32));
}

function leavesOf(size) {
  return Array.from({ length: size }, () => random());
}

function leadsTo(root, step) {
  try {
    return equal(step(), root);
  } catch {
    return false;
  }
}

function pathOf(leaves, index) {
  if (leaves.length === 1) return [];
  const left = leftPart(leaves.length);
  return index < left
    ? [...pathOf(leaves.slice(0, left), index), rootOf(leaves.slice(left))]
    : [...pathOf(leaves.slice(left), index - left), rootOf(leaves.slice(0, left))];
}

function coverOf(leaves, given, first = 0) {
  const inside = leaves.some((_, index) => given.has(first + index));
  if (!inside) return [rootOf(leaves)];
  if (leaves.length === 1) return [];
  const left = leftPart(leaves.length);
  return [...coverOf(leaves.slice(0, left), given, first), ...coverOf(leaves.slice(left), given, first + left)];
}

function mapOf(held, depth = 0) {
  if (held.length === 0) return ZERO_HASH;
  if (held.length === 1) return mapLeaf(...held[0]);
  return mapNode(mapOf(held.filter(([label]) => !bit(label, depth)), depth + 1), mapOf(held.filter(([label]) => bit(label, depth)), depth + 1));
}

function mapProof(held, label, depth = 0) {
  if (held.length === 0) return { path: [], other: null };
  if (held.length === 1) return { path: [], other: { label: held[0][0], entry: held[0][1] } };
  const side = (want) => held.filter(([other]) => bit(other, depth) === want);
  const { path, other } = mapProof(side(bit(label, depth)), label, depth + 1);
  return { path: [...path, mapOf(side(1 - bit(label, depth)), depth + 1)], other };
}

