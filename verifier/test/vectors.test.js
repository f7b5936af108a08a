/** The worked values of the specification. The maker of these vectors shares no code with what reads them here. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

import { anchorBytes, openingBytes } from '../anchors.js';
import { equal, from0x, fromBase64url, fromHex, toHex, u64, u8, utf8 } from '../bytes.js';
import { canonical, canonicalText } from '../canonical.js';
import { cosignedBy, isSignedByBroker, readCheckpoint } from '../checkpoint.js';
import { verifyEd25519 } from '../ed25519.js';
import { NotABundle } from '../failures.js';
import { unpack } from '../gzip.js';
import { HEADER_RULES } from '../header.js';
import { didHistoryHead } from '../heads.js';
import { rootOfAbsence, rootOfPresence } from '../map.js';
import { keysDigest, memberNode } from '../members.js';
import { leafHash, nodeHash, rootByMultiproof, rootByPath, rootOf } from '../merkle.js';
import { derivedSubject, readOpening } from '../opening.js';
import { batchBytes, readPromise, rootOfBody } from '../promise.js';
import { actBytes, entryOf, firstLabel, openCopy } from '../record.js';
import { sha256 } from '../sha256.js';
import { hashes } from '../shapes.js';
import { verifySm2 } from '../sm2.js';
import { SUITES, hmac, taggedHmac } from '../suites.js';
import { Pool, openAccount, openSlot } from '../trie.js';
import { checkSigner, readTrust } from '../trust.js';
import { verify } from '../verify.js';

const vector = (name) => JSON.parse(readFileSync(new URL(`../../tests/vectors/evidence-2/${name}.json`, import.meta.url), 'utf8'));
const INPUTS = vector('inputs');
const opened = openCopy;
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

test('packed documents', async (context) => {
  const { document, cases } = vector('packed');
  for (const { name, packed, limit, rule } of cases) {
    await context.test(name, async () => {
      const read = unpack(fromHex(packed), 'bundle', limit);
      if (rule === null) assert.equal(new TextDecoder().decode(await read), document);
      else await assert.rejects(read, (error) => error instanceof NotABundle && error.details.place === 'bundle' && error.details.rule === rule);
    });
  }
});

test('an act under SM3 and SM2', () => {
  const vectors = vector('sm');
  const record = opened(typeof vectors.copy === 'string' ? JSON.parse(vectors.copy) : vectors.copy);
  assert.equal(record.fingerprint, vectors.fingerprint);
  assert.equal(toHex(entryOf(record)), vectors.entry);
  assert.equal(record.next, vectors.next);
  assert.equal(toHex(actBytes(record.envelope)), vectors.signed_bytes);
  assert.ok(verifySm2(fromHex(vectors.public_key), fromHex(vectors.signed_bytes), fromHex(vectors.signature)));
  assert.equal(toHex(taggedHmac(SUITES.get('sm3-sm2/1'), fromHex(vectors.root_salt), 'bonafides/record/2/envelope-salt', utf8(''))), vectors.envelope_salt);
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


test('a header of QBFT hashes without its seals, and two thirds of the validators sealed it', () => {
  const { header, hash, validators } = vector('sealed-header');
  const addresses = validators.map(from0x);
  const read = HEADER_RULES.get('qbft/1').read(fromHex(header));
  assert.equal(toHex(read.hash), hash);
  assert.ok(read.isSealedBy(addresses));
  assert.ok(!read.isSealedBy(addresses.slice(1)));
  assert.ok(!read.isSealedBy([...addresses, addresses[0].map((byte) => byte ^ 1), addresses[0].map((byte) => byte ^ 2)]));
  assert.notEqual(toHex(HEADER_RULES.get('ethereum/1').read(fromHex(header)).hash), hash);
});

test('state, heads, keys, members and trust file', () => {
  const state = vector('state-proof');
  const pool = new Pool((Array.isArray(state.nodes) ? state.nodes : JSON.parse(state.nodes)).map(fromBase64url));
  const { storageRoot } = openAccount(pool, fromHex(state.state_root), from0x(state.address));
  assert.equal(toHex(openSlot(pool, storageRoot, fromHex(state.slot))), state.word);
  assert.equal(toHex(openSlot(pool, storageRoot, fromHex(state.slot_never_written))), '0'.repeat(64));
  pool.allUsed();
  const { changes, heads } = vector('did-history');
  const read = changes.map((change) => Object.fromEntries(Object.entries(change).map(([name, value]) => [name, String(value).startsWith('0x') ? from0x(value) : value])));
  heads.forEach((head, index) => assert.equal(toHex(didHistoryHead(read.slice(0, index))), head.replace('0x', '')));
  const { keys, digest } = vector('keys-digest');
  const parsed = { algorithm: keys.algorithm, signing: fromHex(keys.signing), checkpoint: fromHex(keys.checkpoint), agreement: fromHex(keys.agreement), compliance: from0x(keys.compliance) };
  assert.equal(toHex(keysDigest(parsed)), digest);
  const members = vector('active-members');
  let node = fromHex(members.leaves['2']);
  hexes(members.path_of_2).forEach((sibling, level) => { node = (2 >> level) & 1 ? memberNode(sibling, node) : memberNode(node, sibling); });
  assert.equal(toHex(node), members.root);
  const trust = readTrust(utf8(vector('trust').file));
  checkSigner(trust, [toHex(trust.signer.key)]);
  assert.throws(() => checkSigner(trust, []), /trust-not-pinned/);
  assert.throws(() => readTrust(utf8(vector('trust').file.replace('ethereum/1', 'qbft/1'))), NotABundle);
});

test('whole bundles', () => {
  const names = readdirSync(new URL('../../tests/vectors/evidence-2/', import.meta.url)).filter((name) => /^bundle.*\.json$/.test(name));
  for (const name of names) {
    const { bundle, trust, trust_key: key } = vector(name.replace('.json', ''));
    const verdict = verify({ bundle: utf8(bundle), trusts: [utf8(trust)], pinned: [key] });
    assert.deepEqual([name, verdict.kind, verdict.checks.filter(({ result }) => result !== 'holds')], [name, 'holds', []]);
  }
});
