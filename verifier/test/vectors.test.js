/** The worked values of the specification. The maker of these vectors shares no code with what reads them here. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { anchorBytes, openingBytes } from '../anchors.js';
import { equal, from0x, fromHex, toHex, u64, u8, utf8 } from '../bytes.js';
import { canonical, canonicalText } from '../canonical.js';
import { cosignedBy, isSignedByBroker, readCheckpoint } from '../checkpoint.js';
import { verifyEd25519 } from '../ed25519.js';
import { rootOfAbsence, rootOfPresence } from '../map.js';
import { leafHash, nodeHash, rootByMultiproof, rootByPath, rootOf } from '../merkle.js';
import { derivedSubject, readOpening } from '../opening.js';
import { batchBytes, readPromise, rootOfBody } from '../promise.js';
import { COPY, actBytes, entryOf, firstLabel, openCopy } from '../record.js';
import { sha256 } from '../sha256.js';
import { hashes } from '../shapes.js';
import { SUITES, hmac, taggedHmac } from '../suites.js';

const vector = (name) => JSON.parse(readFileSync(new URL(`../../tests/vectors/evidence-2/${name}.json`, import.meta.url), 'utf8'));
const INPUTS = vector('inputs');
const opened = (copy) => openCopy(COPY(copy, 'copy'));
const hexes = (list) => list.map(fromHex);

test('record: salts, digests, next and fingerprint', () => {
  const record = vector('record');
  const suite = SUITES.get('sha256-ed25519/1');
  const salt = fromHex(record.root_salt);
  const derive = (text, data) => toHex(taggedHmac(suite, salt, `bonafides/record/2/${text}`, data));
  assert.equal(derive('envelope-salt', utf8('')), record.envelope_salt);
  assert.equal(derive('field-salt', utf8('band')), record.field_salt_band);
  assert.equal(toHex(hmac(suite, fromHex(record.field_salt_band), canonical(record.values.band))), record.field_digest_band);
  assert.equal(toHex(sha256(fromHex(record.secret_of_next))), record.next);
  const copy = JSON.parse(Buffer.from(record.redacted_copy_bytes, 'hex').toString());
  assert.equal(toHex(canonical(copy)), record.redacted_copy_bytes);
  assert.equal(opened(copy).fingerprint, record.fingerprint);
});

test('labels and entries', () => {
  const links = vector('links');
  const record = opened(JSON.parse(Buffer.from(vector('record').redacted_copy_bytes, 'hex').toString()));
  assert.equal(toHex(firstLabel(INPUTS.broker, fromHex(INPUTS.subject))), links.labels[0]);
  assert.equal(toHex(entryOf(record)), links.entries[1]);
  assert.equal(record.next, links.labels[2]);
});

test('act and opening', () => {
  const act = vector('act');
  const envelope = JSON.parse(Buffer.from(act.envelope_bytes, 'hex').toString());
  assert.equal(toHex(actBytes(envelope)), act.signed_bytes);
  assert.ok(verifyEd25519(fromHex(INPUTS.client_public_key), actBytes(envelope), fromHex(act.signature)));
  const opening = vector('opening');
  const record = opened(JSON.parse(opening.copy));
  assert.equal(record.fingerprint, opening.fingerprint);
  assert.deepEqual({ ...readOpening(record) }, opening.values);
  assert.equal(derivedSubject(INPUTS.broker, { kind: 'house', opens: opening.house }), opening.house_subject);
});

test('promises of a request', () => {
  const vectors = vector('promise');
  for (const text of vectors.promises) {
    const { body, batch, signature } = readPromise(JSON.parse(text));
    const root = rootOfBody(body, batch);
    assert.equal(toHex(root), vectors.root);
    assert.equal(Buffer.from(batchBytes(body, batch.count, root)).toString(), vectors.signed);
    assert.ok(verifyEd25519(fromHex(INPUTS.member_public_key), batchBytes(body, batch.count, root), signature.value));
  }
});

test('an erased record and what names it', () => {
  const erasure = vector('erasure');
  assert.equal(toHex(entryOf(JSON.parse(erasure.stub_2))), erasure.entry_2);
  const erase = opened(JSON.parse(erasure.copy_4));
  assert.equal(erase.fingerprint, erasure.fingerprint_4);
  assert.equal(canonicalText(erase.shown.erases), erasure.erases);
});

test('leaves and tree of anchors', () => {
  const { anchor, entries, ...leaf } = vector('log-anchor');
  const said = { ...anchor };
  for (const name of ['batch_root', 'map_root', 'keys_digest']) said[name] = fromHex(anchor[name]);
  assert.equal(toHex(anchorBytes(said)), leaf.anchor_bytes);
  assert.equal(toHex(leafHash(anchorBytes(said))), leaf.leaf_hash);
  assert.equal(toHex(rootOf(hexes(entries).map(leafHash))), anchor.batch_root);
  const { opening, opening_bytes: bytes } = vector('log-opening');
  const first = { ...opening, former: from0x(opening.former), former_root: fromHex(opening.former_root), former_map_root: fromHex(opening.former_map_root) };
  assert.equal(toHex(openingBytes(first)), bytes);
  const tree = vector('log-tree');
  const leaves = hexes(tree.leaf_hashes);
  const root = rootOf(leaves);
  assert.equal(toHex(root), tree.root_7);
  assert.equal(toHex(sha256(u8(2), u64(7), root)), tree.head_7);
  assert.ok(equal(rootByPath(leaves[2], 2, 7, hexes(tree.inclusion_of_anchor_3)), root));
  const shown = new Map([0, 2, 6].map((place) => [place, leaves[place]]));
  assert.ok(equal(rootByMultiproof(shown, 7, hexes(tree.multiproof_of_anchors_1_3_7)), root));
  assert.ok(!equal(nodeHash(leaves[0], leaves[1]), root));
});

test('checkpoint and cosignature', () => {
  const signed = vector('log-checkpoint');
  const key = fromHex(signed.public_key);
  const checkpoint = readCheckpoint(signed.note);
  assert.ok(isSignedByBroker(checkpoint, INPUTS.broker, key));
  assert.ok(!isSignedByBroker(checkpoint, INPUTS.broker, fromHex(INPUTS.client_public_key)));
  assert.deepEqual(readCheckpoint(signed.note_that_names_anchors_3_and_6_as_wrong).wrong, [3, 6]);
  const { note, verifier_key: vkey } = vector('log-cosignature');
  const [name, , coded] = /^(.*)\/witness\/2\+([0-9a-f]{8})\+(.*)$/.exec(vkey).slice(1);
  const witness = new Uint8Array(Buffer.from(coded, 'base64')).subarray(1);
  const time = cosignedBy(readCheckpoint(note), name, witness);
  assert.equal(time, Number(/^cosignature\/v1\ntime (\d+)\n/.exec(Buffer.from(vector('log-cosignature').signed_bytes, 'hex').toString())[1]));
  assert.throws(() => cosignedBy(readCheckpoint(note.replace(/^7$/m, '8')), name, witness), /bad cosignature/);
});

test('the map', () => {
  const map = vector('label-map');
  const [label, entry] = hexes(Array.isArray(map.leaves[0]) ? map.leaves[0] : [map.leaves[0].label, map.leaves[0].entry]);
  const root = fromHex(map.root);
  assert.ok(equal(rootOfPresence(label, entry, hashes(map.presence_of_the_first.path, 'path')), root));
  const { path, other } = map.absence;
  const beside = other === null ? null : { label: fromHex(other.label), entry: fromHex(other.entry) };
  assert.ok(equal(rootOfAbsence(fromHex(map.absent_label), hashes(path, 'path'), beside), root));
});

