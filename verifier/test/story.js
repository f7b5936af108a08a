/** A client with an act, a rated product with two signatures, and how such a bundle is asked about. */

import { toHex } from '../bytes.js';
import { canonical } from '../canonical.js';
import { verify } from '../verify.js';
import { Network } from './maker.js';

/** @param how {text: a value that the broker writes} */
export function story(how = {}) {
  const network = new Network();
  const { client } = network;
  const staff = [network.staff('Li Wei', 'committee'), network.staff('Wang Fang', 'committee')];
  const main = network.history();
  main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
  network.others(5);
  network.anchor();
  main.add('LEVEL_RESULT', { level: 'C4', total: 61, remark: how.text ?? 'stable income' });
  network.others(2);
  main.add('LEVEL_CONFIRM', { level: 'C4' }, { client });
  network.anchor();
  const product = network.openedByBroker('product', 'FUND-1');
  product.add('PRODUCT_RATE', { product_id: 'FUND-1', risk: 'R3' }, { staff: staff.map(({ key }) => key) });
  network.anchor();
  return { network, client, main, product, staff, references: [product, ...staff.map(({ history }) => history)] };
}

/** Verify a document, or other bytes, under the network's own trust file. */
export function checked(network, document, how = {}) {
  const { header } = network.chain(how.withClient ?? true);
  return verify({
    bundle: how.bytes ?? canonical(document), trusts: how.trusts ?? [network.trust(header)],
    pinned: how.pinned ?? [toHex(network.signer.public)], ...how.asked,
  });
}

/** Checks that fail by themselves, as `name: code`. */
export function failedChecks(verdict) {
  return verdict.checks.filter(({ result, code }) => result !== 'holds' && code !== 'rests-on').map(({ name, code }) => `${name}: ${code}`);
}
