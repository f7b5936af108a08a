/** The specification's ways to cheat with what people read and sign: each fails the check that it names. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { ZERO_HASH, fromHex, toHex } from '../bytes.js';
import { canonicalText } from '../canonical.js';
import { erasure } from '../checks/erasure.js';
import { clientSignature, fingerprint, opening, subjectChain } from '../checks/records.js';
import { Failed } from '../failures.js';
import { nameWord } from '../keccak.js';
import { batchBytes, bodyOf, hasTerm, readPromise, rootOfBody } from '../promise.js';
import { entryOf, openCopy } from '../record.js';
import { World } from '../world.js';

const vector = (name) => JSON.parse(readFileSync(new URL(`../../tests/vectors/evidence-2/${name}.json`, import.meta.url), 'utf8'));
const INPUTS = vector('inputs');
const { histories, promises } = vector('cheats');
const CHECKS = { fingerprint, 'subject-chain': subjectChain, opening, 'client-signature': clientSignature, erasure };
const START = 1_795_223_700;

/** A world of one history: an anchor for each record, in far blocks, and one key of the client. */
function worldOf({ broker, subject, records, anchored_ms: times = {} }) {
  const anchors = records.map((_, index) => ({
    seq: index + 2, size_before: index, size_after: index + 1, block: 1e12, keys_digest: ZERO_HASH,
    time: Math.floor((times[index + 1] ?? START * 1000 + index) / 1000),
  }));
  const key = {
    event: 'DIDAttributeChanged', block: 1, time: START - 1e6, name: nameWord('did/pub/Ed25519/veriKey/hex'),
    value: fromHex(INPUTS.client_public_key), validTo: fromHex('ff'.repeat(32)),
  };
  const bundle = {
    suite: 'sha256-ed25519/1', broker, client: INPUTS.client, did: [key], keys: [], members: [], promises: [], references: [],
    log: { anchors }, history: { subject: fromHex(subject), records: records.map((record, index) => ({ record, log_index: index, promise: null })) },
  };
  const world = new World({ bundle });
  world.keysByDigest = new Map([[toHex(ZERO_HASH), { algorithm: 1, signing: fromHex(INPUTS.member_public_key) }]]);
  return world;
}

function firstFailure(world) {
  for (const [name, check] of Object.entries(CHECKS)) {
    try {
      check(world);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      return name;
    }
  }
  return '';
}

for (const [name, history] of Object.entries(histories)) {
  test(`a history: ${name}`, () => assert.equal(firstFailure(worldOf(history)), history.fails));
}

for (const [name, { fails, promise, record, label }] of Object.entries(promises)) {
  test(`a promise: ${name}`, () => {
    const { body, batch, signature, suite } = readPromise(promise);
    const opened = openCopy(record);
    const wanted = bodyOf(
      { opened, fingerprint: opened.fingerprint, logIndex: opened.seq - 1, promise: { anchor_by: body.anchor_by } }, fromHex(label), entryOf(opened),
    );
    const signed = suite.verify(fromHex(INPUTS.member_public_key), batchBytes(body, batch.count, rootOfBody(body, batch)), signature.value);
    assert.equal(hasTerm(body), fails !== 'promise-times');
    if (fails !== 'promise-times') assert.equal(signed && canonicalText(wanted) === canonicalText(body), fails === '');
  });
}
