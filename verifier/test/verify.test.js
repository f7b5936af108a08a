import assert from 'node:assert/strict';
import test from 'node:test';

import { toHex } from '../bytes.js';
import { canonical } from '../canonical.js';
import { NAMES, verify } from '../verify.js';
import { Key, Network } from './maker.js';

/** A client with an act, a rated product with two signatures, and a record that was erased after twenty years. */
function story() {
  const network = new Network();
  const client = network.client;
  const staff = [network.staff('Li Wei', 'committee'), network.staff('Wang Fang', 'committee')];
  const compliance = [network.staff('Zhao Min', 'compliance'), network.staff('Sun Lei', 'compliance')];
  const main = network.history();
  main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
  network.others(5);
  network.anchor();
  main.add('LEVEL_RESULT', { level: 'C4', total: 61 });
  network.others(2);
  main.add('LEVEL_CONFIRM', { level: 'C4' }, { client });
  network.anchor();
  const product = network.openedByBroker('product', 'FUND-1');
  product.add('PRODUCT_RATE', { product_id: 'FUND-1', risk: 'R3' }, { staff: staff.map(({ key }) => key) });
  network.anchor();
  return { network, client, main, product, staff, compliance };
}

function checked(network, document, how = {}) {
  const { header } = network.chain(how.withClient ?? true);
  return verify({
    bundle: how.bytes ?? canonical(document), trusts: how.trusts ?? [network.trust(header)],
    pinned: how.pinned ?? [toHex(network.signer.public)], ...how.asked,
  });
}

function failedChecks(verdict) {
  return verdict.checks.filter(({ result, code }) => result !== 'holds' && code !== 'rests-on').map(({ name, code }) => `${name}: ${code}`);
}

test('a clean bundle holds, and says how far', () => {
  const { network, main, product, staff, client } = story();
  const verdict = checked(network, network.bundle(main, [product, ...staff.map(({ history }) => history)]));
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

export { Key, checked, failedChecks, story };
