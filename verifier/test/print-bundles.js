/** Print bundles of this folder's maker, clean and with cheats of the broker, a JSON line each: for comparing verifiers. */

import { toHex } from '../bytes.js';
import { canonical } from '../canonical.js';
import { Key, Network } from './maker.js';
import { actOnTheWay, story, TIMES_OF_USE } from './story.js';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');

function print(name, network, document, how = {}) {
  const trust = network.trust(network.chain(how.withClient ?? true).header);
  process.stdout.write(`${JSON.stringify({
    name, bundle: base64(canonical(document)), trust: base64(trust), key: toHex(network.signer.public),
    seed: toHex(network.broker.signing.seed),
  })}\n`);
}

function lived() {
  const { network, main, references } = story();
  print('lived', network, network.bundle(main, references));
  print('redacted', network, network.bundle(main, references, { redacted: new Map([[main.records[1], ['total', 'level']]]), witnesses: 0 }));
  print('a reference is missing', network, network.bundle(main, references.slice(1)));
  print('the tail is missing', network, network.bundle({ ...main, records: main.records.slice(0, 2), label: main.records[2].label }, references));
}

function product() {
  const network = new Network();
  const { history } = network.staff('Li Wei', 'committee');
  const main = network.openedByBroker('product', 'FUND-1');
  main.add('PRODUCT_RATE', { product_id: 'FUND-1', risk: 'R3' });
  network.others(3);
  network.anchor();
  print('product', network, network.bundle(main, [history], { withClient: false }), { withClient: false });
}

function acts(name, how) {
  const network = new Network();
  const { client } = network;
  const main = network.history();
  main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
  main.add('LEVEL_RESULT', { level: 'C4' });
  network.anchor();
  main.add('LEVEL_CONFIRM', { level: 'C4' }, how(main, client));
  network.others(2);
  network.anchor(20);
  print(name, network, network.bundle(main));
}

function timesOfUse() {
  TIMES_OF_USE.forEach(({ ended, accepted, block, before, holds }, number) => {
    const { network, main } = actOnTheWay({ ended, accepted, block });
    print(`time of use ${number}: ${holds ? 'holds' : 'ended'}`, network, network.bundle(main, [], { before }));
  });
}

function erased(name, seconds, rule = 'retention-20-years') {
  const network = new Network();
  const { client } = network;
  const main = network.history();
  main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
  const gone = main.add('LEVEL_RESULT', { level: 'C4' });
  const persons = [network.staff('Zhao Min', 'compliance'), network.staff('Sun Lei', 'compliance')];
  const { block } = network.anchor();
  network.block = block + Math.floor(seconds / 5) - 2;
  const erases = [{ seq: 2, fingerprint: gone.fingerprint, rule }];
  main.add('ERASE', { erases, reason: 'the time of keeping is over' }, { staff: persons.map(({ key }) => key) });
  network.anchor();
  print(name, network, network.bundle(main, persons.map(({ history }) => history), { erased: [gone] }));
}

function later() {
  const network = new Network();
  const main = network.history();
  main.add('OPENING', { kind: 'unsigned-client', opens: null, continues: null });
  main.add('LEVEL_RESULT', { level: 'C4' });
  main.add('OPENING', { kind: 'client', opens: network.client.did, continues: null }, { client: network.client });
  network.anchor();
  print('joined', network, network.bundle(main));
}

const YEARS = 7305 * 86_400;

lived();
product();
acts('an act', (_, client) => ({ client }));
acts('an act without its signature', () => ({}));
acts('an act by another key', (_, client) => ({ client: { ...client, key: new Key('another') } }));
acts('an act that is used twice', (main, client) => ({ client, nonce: main.records[0].envelope.known.nonce }));
acts('an act accepted before the one before', (_, client) => ({ client, accepted: 1 }));
acts('an act accepted after its anchor', (_, client) => ({ client, accepted: 1e6 }));
acts('an act of the broker', () => ({ brokers: true }));
timesOfUse();
erased('erased', YEARS);
erased('erased too early', YEARS - 5);
erased('erased by no rule', YEARS, 'at-will');
later();

