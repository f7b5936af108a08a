import assert from 'node:assert/strict';
import test from 'node:test';

import { NAMES } from '../verify.js';
import { checked, failedChecks, story } from './story.js';

test('a clean bundle holds, and says how far', () => {
  const { network, main, references, client } = story();
  const verdict = checked(network, network.bundle(main, references));
  assert.deepEqual(failedChecks(verdict), []);
  assert.equal(verdict.kind, 'holds');
  assert.deepEqual(verdict.checks.map(({ name }) => name), NAMES.slice(0, -1));
  assert.deepEqual(verdict.witnesses.map(({ member }) => member), network.witnesses.slice(0, 2).map(({ did }) => did));
  assert.deepEqual(verdict.opened, { by: 'client', kind: 'client', client: client.did });
  assert.equal(verdict.block.number, network.block);
  assert.deepEqual(verdict.signers, [network.witnesses[2].did]);
  assert.deepEqual(verdict.counts, { records: 9, whole: 9, redacted: 0, hidden: 0, erased: 0, restored: 0 });
  assert.deepEqual(verdict.timeline.find(({ type }) => type === 'PRODUCT_RATE').staff.map(({ name }) => name), ['Li Wei', 'Wang Fang']);
});

