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

/**
 * An act that was accepted at block 105 and lies under anchor 5 of block 109. Anchor 3 is of block 104, anchor 4 of 107.
 * The key that signed it ended at a block, by a change that its client made at the block after the acceptance.
 */
export function actOnTheWay({ ended, accepted = 105, block = 106 }) {
  const network = new Network();
  const { client } = network;
  const main = network.history();
  main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
  network.anchor();
  network.others(1);
  network.anchor();
  network.block = 105;
  network.others(1);
  network.anchor();
  main.add('LEVEL_CONFIRM', { level: 'C4' }, { client, accepted });
  network.anchor();
  const time = network.time() - (network.block - ended) * 5;
  network.changes.push({ ...network.changes[0], block, time, validTo: new Uint8Array(32) });
  return { network, main };
}

/** Which anchors are shown beside an act on its way, when its key ended, and whether the bundle holds. */
export const TIMES_OF_USE = [
  { ended: 106, before: [3, 4], holds: true }, // anchor 4 was on its way at the acceptance: anchor 3 is the time of use
  { ended: 106, before: [4], holds: false }, // that anchor 3 is not shown leaves it at anchor 4
  { ended: 106, before: [3], holds: false }, // without the anchor before it is the own one
  { ended: 106, before: [], holds: false },
  { ended: 104, block: 104, before: [3, 4], holds: false }, // ended in the block of anchor 3 itself
  { ended: 104, before: [3, 4], holds: true }, // in the second of anchor 3, and in a later block: their order is known
  { ended: 103, before: [3, 4], holds: false },
  { ended: 105, before: [3, 4], holds: true },
  { ended: 106, accepted: 107, before: [3, 4], holds: false }, // anchor 4 stood at the acceptance: it is the time of use
  { ended: 106, accepted: 106, before: [3, 4], holds: false }, // at the acceptance it had ended
  { ended: 108, before: [4], holds: true },
  { ended: 108, before: [], holds: false },
  { ended: 110, before: [], holds: true },
];

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
