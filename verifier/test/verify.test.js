import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

import { secp256k1 } from '@noble/curves/secp256k1.js';

import { fromBase64url, toBase64url, toHex, utf8 } from '../bytes.js';
import { canonical } from '../canonical.js';
import { keccak } from '../keccak.js';
import { readPromises } from '../promises.js';
import { decodeRlp, encodeRlp } from '../rlp.js';
import { NAMES } from '../verify.js';
import { CODES, LANGUAGES, plain, say, why } from '../words.js';
import { reachOf } from '../report.js';
import { Key, Network } from './maker.js';
import { actOnTheWay, checked, failedChecks, story, TIMES_OF_USE } from './story.js';

const CLEAN = story();
const DOCUMENT = CLEAN.network.bundle(CLEAN.main, CLEAN.references);
const COVERED = new Set();

/** What fails after a change of the clean document, which the broker signs again. */
function afterChange(change, how = {}) {
  const document = structuredClone(DOCUMENT);
  change(document);
  return listed(checked(CLEAN.network, CLEAN.network.signed(document), how));
}

function listed(verdict) {
  verdict.checks.filter(({ code }) => code !== null).forEach((check) => {
    COVERED.add(check.code);
    LANGUAGES.forEach((language) => why(language, check));
  });
  LANGUAGES.forEach((language) => reachOf(language, verdict));
  return verdict.kind === 'not-a-bundle' ? ['not-a-bundle'] : failedChecks(verdict);
}

/** What fails in a bundle of other histories. */
function ofStory(build) {
  const network = new Network();
  const { main, references = [], how } = build(network, network.client);
  return listed(checked(network, network.bundle(main, references, how), how));
}

const flip = (text) => {
  const bytes = fromBase64url(text);
  bytes[bytes.length >> 1] ^= 1;
  return toBase64url(bytes);
};
const flipHex = (text) => `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;

test('a clean bundle holds, and says how far', () => {
  const { network, client } = CLEAN;
  const verdict = checked(network, DOCUMENT);
  assert.deepEqual(failedChecks(verdict), []);
  assert.equal(verdict.kind, 'holds');
  assert.deepEqual(verdict.checks.map(({ name }) => name), NAMES.slice(0, -1));
  assert.deepEqual(verdict.witnesses.map(({ member }) => member), network.witnesses.slice(0, 2).map(({ did }) => did));
  assert.deepEqual(verdict.opened, { by: 'client', kind: 'client', client: client.did });
  assert.equal(verdict.block.number, network.block);
  assert.deepEqual(verdict.signers, [network.witnesses[2].did]);
  assert.deepEqual(verdict.counts, { records: 9, whole: 9, redacted: 0, hidden: 0, erased: 0, restored: 0 });
  assert.deepEqual(verdict.timeline.find(({ type }) => type === 'PRODUCT_RATE').staff.map(({ name }) => name), ['Li Wei', 'Wang Fang']);
  assert.match(reachOf('en', verdict).join(' '), /complete as of block 106 .* checked by 2 of 3 other members.* client opened/);
});

test('without cosignatures it says that a rollback would not show', () => {
  const { network, main, references } = CLEAN;
  const verdict = checked(network, network.bundle(main, references, { witnesses: 0 }));
  assert.equal(verdict.kind, 'holds');
  assert.match(reachOf('en', verdict).join(' '), /a rollback between two anchors would not show/);
  assert.match(reachOf('zh', verdict).join(' '), /两次锚定之间的回退无法从本文件看出/);
});

test('each change of the document has its check, though the broker signs again', () => {
  const cases = [
    [(d) => { d.nodes.pop(); }, ['state-proof: state-proof']],
    [(d) => { d.nodes.push(toBase64url(utf8('x'.repeat(40)))); }, ['state-proof: state-proof']],
    [(d) => { d.nodes[3] = flip(d.nodes[3]); }, ['state-proof: state-proof']],
    [(d) => { d.header = flip(d.header); }, ['trust: header-not-trusted']],
    [(d) => { d.header = toBase64url(utf8('x')); }, ['trust: header']],
    [(d) => { d.chain_id += 1; }, ['structure: other-chain']],
    [(d) => { d.members[1].number = 5000; }, ['member-keys: member-not-active']],
    [(d) => { d.history.records[1].record = { erased: { seq: 2 } }; }, ['fingerprint: envelope']],
    [(d) => { d.log.anchors[1].size_after = 0; }, ['not-a-bundle']],
    [(d) => { d.keys[0].algorithm = 9; }, ['not-a-bundle']],
    [(d) => { d.directory[2].code_hash = flipHex(d.directory[2].code_hash); }, ['state-proof: code-hash']],
    [(d) => { d.directory = d.directory.filter(({ name }) => name !== 'EvidenceLog'); }, ['state-proof: directory-lacks']],
    [(d) => { d.directory[0].time += 1; }, ['directory: directory-head']],
    [(d) => { d.directory.pop(); }, ['directory: directory-head']],
    [(d) => { d.directory.splice(1, 1); }, ['state-proof: directory-lacks']],
    [(d) => { d.log.anchors[0].time -= 1; }, ['log-head: log-head']],
    [(d) => { d.log.anchors[1].batch_root = flipHex(d.log.anchors[1].batch_root); }, ['log-head: log-head']],
    [(d) => { d.log.opening.former_size = 1; }, ['log-head: log-head']],
    [(d) => { d.log.seq += 1; }, ['log-head: log-last']],
    [(d) => { d.log.path += 'A'.repeat(43); }, ['log-head: log-path']],
    [(d) => { d.log.anchors.reverse(); }, ['log-head: log-order']],
    [(d) => { d.log.anchors[1].size_before += 1; }, ['log-head: log-order']],
    [(d) => { d.keys[0].checkpoint = d.keys[0].agreement; }, ['member-keys: keys-missing']],
    [(d) => { d.keys.push(d.keys[0]); }, ['member-keys: keys-twice']],
    [(d) => { d.keys.push({ ...d.keys[0], compliance: `0x${'11'.repeat(20)}` }); }, ['member-keys: keys-unnamed']],
    [(d) => { d.keys[0].signing = '00'.repeat(32); }, ['member-keys: keys-no-key']],
    [(d) => { d.members[1].role = 3; }, ['member-keys: member-not-active']],
    [(d) => { d.members[1].number = 1; }, ['member-keys: member-not-active']],
    [(d) => { d.members.shift(); }, []],
    [(d) => { d.directory = []; }, ['not-a-bundle']],
    [(d) => { d.members.push(d.members[1]); }, ['member-keys: member-twice']],
    [(d) => { d.checkpoint = d.checkpoint.replace(/\nmap [^ ]*/, `\nmap ${'A'.repeat(43)}=`); }, ['checkpoint-signature: checkpoint-otherwise']],
    [(d) => { d.checkpoint = d.checkpoint.replace(/\u2014 .*\/log\/2 .*\n/, ''); }, ['checkpoint-signature: checkpoint-unsigned']],
    [(d) => { d.checkpoint = d.checkpoint.replace(/(\/witness\/2 .{20})./, '$1/'); }, ['checkpoint-signature: checkpoint']],
    [(d) => { d.checkpoint = d.checkpoint.slice(1); }, ['checkpoint-signature: checkpoint-otherwise']],
    [(d) => { d.checkpoint = 'x'; }, ['checkpoint-signature: checkpoint']],
    [(d) => { d.history.records[1].record.fields.level.value = 'C1'; }, ['fingerprint: field']],
    [(d) => { d.history.records[1].record.envelope.fields.level = '0'.repeat(64); }, ['fingerprint: field']],
    [(d) => { d.history.records[1].record.envelope.more = 1; }, ['fingerprint: envelope']],
    [(d) => { d.history.records[1].record.envelope = {}; }, ['fingerprint: envelope']],
    [(d) => { d.history.records[1].record.envelope.occurred_at = d.made_at; }, ['subject-chain: link', 'inclusion: batch']],
    [(d) => { d.history.records[1].record.envelope_salt = '0'.repeat(64); }, ['subject-chain: link', 'inclusion: batch']],
    [(d) => { d.history.records.splice(1, 1); }, ['subject-chain: link', 'inclusion: batch']],
    [(d) => { d.history.records.reverse(); }, ['subject-chain: link', 'inclusion: place']],
    [(d) => { d.history.records.pop(); }, ['inclusion: batch', 'subject-completeness: map']],
    [(d) => { d.references.push(d.references[0]); }, ['subject-chain: subject-twice', 'inclusion: place']],
    [(d) => { d.client = null; d.did = []; }, ['state-proof: state-proof']],
    [(d) => { d.did[0].time += 1; }, ['client-keys: did-head']],
    [(d) => { d.did.push(d.did[0]); }, ['client-keys: did-head']],
    [(d) => { d.history.records[1].promise.batch = -1; }, ['not-a-bundle']],
    [(d) => { d.history.records[2].promise = null; }, ['promise: promise-missing']],
    [(d) => { d.history.records[2].promise.index += 1; }, ['promise: promise-path']],
    [(d) => { d.history.records[2].promise.batch = 77; }, ['promise: promise-missing']],
    [(d) => { d.history.records[2].promise.anchor_by = '2036-01-01T00:00:00.000+08:00'; }, ['promise: promise-term']],
    [(d) => { d.promises[0].value = flip(d.promises[0].value); }, ['promise: promise-signature']],
    [(d) => { d.promises.push(d.promises[0]); }, ['promise: promise-unused']],
    [(d) => { d.history.records[2].log_index += 1; }, ['promise: promise-path', 'inclusion: place']],
    [(d) => { d.history.records[2].log_index = 1e6; }, ['client-signature: not-anchored', 'promise: promise-missing', 'inclusion: not-anchored']],
    [(d) => { d.log.anchors[0].batch = flip(d.log.anchors[0].batch); }, ['inclusion: batch']],
    [(d) => { d.map.hashes = flip(d.map.hashes); }, ['subject-completeness: map']],
    [(d) => { d.map.walk = d.map.walk.replace('f', '0'); }, ['subject-completeness: map']],
    [(d) => { d.map.walk += '0'; }, ['subject-completeness: map']],
    [(d) => { d.signature_of = 1; }, ['not-a-bundle']],
    [(d) => { d.pending = -1; }, ['not-a-bundle']],
    [(d) => { d.history.subject = 'x'; }, ['not-a-bundle']],
    [(d) => { d.header_rule = 'other/1'; }, ['trust: trust-other-chain']],
    [(d) => { d.format = 'bonafides.bundle/3'; }, ['not-a-bundle']],
    [(d) => { d.references.pop(); }, ['inclusion: batch', 'subject-completeness: map', 'staff-signature: staff-key-unknown']],
  ];
  const found = cases.map(([change]) => [String(change), afterChange(change)]);
  assert.deepEqual(found, cases.map(([change, expected]) => [String(change), expected]));
});

test('a broker that was suspended since is said to be none, and its log holds all the same', () => {
  const document = CLEAN.network.signed({ ...DOCUMENT, members: DOCUMENT.members.slice(1) });
  const verdict = checked(CLEAN.network, document);
  assert.equal(verdict.kind, 'holds');
  assert.match(reachOf('en', verdict).join(' '), /does not show that the broker is still an active member/);
  assert.deepEqual(ofStory((network, client) => {
    network.broker.role = 3;
    const main = opened(network, client);
    network.anchor();
    return { main };
  }), ['member-keys: member-no-broker']);
});

test('bytes that are not JCS, or not signed by the broker', () => {
  const { network } = CLEAN;
  assert.deepEqual(listed(checked(network, null, { bytes: utf8(JSON.stringify(DOCUMENT, null, 1)) })), ['canonical-form: canonical-form']);
  assert.deepEqual(listed(checked(network, null, { bytes: utf8('{"a":1,"a":1}') })), ['not-a-bundle']);
  assert.deepEqual(listed(checked(network, { ...DOCUMENT, case: 'CASE-2' })), ['bundle-signature: bundle-signature']);
});

test('trust: pinned keys, one chain, the block that is asked for', () => {
  const { network } = CLEAN;
  const { header } = network.chain();
  const file = network.trust(header);
  const other = new Key('somebody else');
  const ask = (how) => listed(checked(network, DOCUMENT, how));
  assert.deepEqual(ask({ pinned: [] }), ['trust: trust-not-pinned']);
  assert.deepEqual(ask({ trusts: [] }), ['trust: trust-none']);
  assert.deepEqual(ask({ trusts: [network.trust(header, other)] }), ['trust: trust-not-pinned']);
  assert.deepEqual(ask({ trusts: [network.trust(header, other)], pinned: [toHex(other.public)] }), []);
  assert.deepEqual(ask({ trusts: [file, file] }), []);
  const signature = { ...JSON.parse(Buffer.from(file)), chain_id: 5 };
  assert.deepEqual(ask({ trusts: [canonical(signature)] }), ['trust: trust-signature']);
  const block = { number: network.block, hash: `0x${'11'.repeat(32)}`, time: network.time() };
  assert.deepEqual(ask({ trusts: [network.trust(header, network.signer, { block })] }), ['trust: header-not-trusted']);
  assert.deepEqual(ask({ trusts: [file, network.trust(header, network.signer, { block })] }), ['trust: trust-fork']);
  assert.deepEqual(ask({ trusts: [file, network.trust(header, network.signer, { chain_id: 3 })] }), ['trust: trust-other-chain']);
  const { hash } = JSON.parse(Buffer.from(file)).block;
  assert.deepEqual(ask({ trusts: [network.trust(header, network.signer, { block: { ...block, hash, time: 1 } })] }), ['trust: header-otherwise']);
  const later = network.trust(header, network.signer, { block: { ...block, number: network.block + 9 } });
  assert.deepEqual(ask({ trusts: [file, later] }), ['trust: header-too-old']);
  assert.deepEqual(ask({ trusts: [file, later], asked: { least: network.block } }), []);
  assert.deepEqual(ask({ asked: { least: network.block + 1 } }), ['trust: header-too-old']);
  assert.deepEqual(ask({ trusts: [utf8('{}')] }), ['not-a-bundle']);
});

test('a header rule that is not known is out of reach, not refuted', () => {
  const { network } = CLEAN;
  const document = network.signed({ ...DOCUMENT, header_rule: 'other/1' });
  const trusts = [network.trust(network.chain().header, network.signer, { header_rule: 'other/1' })];
  const verdict = checked(network, document, { trusts });
  assert.equal(verdict.kind, 'could-not-check');
  assert.deepEqual(listed(verdict), ['trust: header-rule']);
});

test('a chain of sealed headers: the trusted block, or a later one by the same validators', () => {
  const { network } = CLEAN;
  const secrets = ['one', 'two', 'three', 'four'].map((name) => keccak(utf8(name)));
  const validators = secrets.map((secret) => keccak(secp256k1.getPublicKey(secret, false).subarray(1)).subarray(12));
  const fields = decodeRlp(fromBase64url(DOCUMENT.header));
  const coded = (round, seals) => encodeRlp(fields.with(12, encodeRlp([new Uint8Array(32), validators, [], round, seals])));
  const seal = (secret) => {
    const [v, ...rs] = secp256k1.sign(keccak(coded(Uint8Array.of(2), [])), secret, { prehash: false, format: 'recovered' });
    return Uint8Array.of(...rs, v);
  };
  const ask = (sealers, { number = network.block, hash = keccak(coded(new Uint8Array(), [])), of = validators } = {}) => {
    const header = coded(Uint8Array.of(2), sealers.map((index) => seal(secrets[index])));
    const document = network.signed({ ...DOCUMENT, header_rule: 'qbft/1', header: toBase64url(header) });
    const block = { number, hash: `0x${toHex(hash)}`, time: network.time() };
    const changed = { header_rule: 'qbft/1', block, validators: of.map((one) => `0x${toHex(one)}`) };
    return listed(checked(network, document, { trusts: [network.trust(header, network.signer, changed)] }));
  };
  assert.deepEqual(ask([0, 1, 3]), []);
  assert.deepEqual(ask([0, 1]), ['trust: header-not-sealed']);
  assert.deepEqual(ask([0, 1, 1]), ['trust: header-not-sealed']);
  assert.deepEqual(ask([0, 1, 2, 3], { of: validators.slice(1) }), ['trust: header-not-sealed']);
  const earlier = { number: network.block - 9, hash: keccak(utf8('earlier')) };
  assert.deepEqual(ask([0, 1, 2], earlier), []);
  assert.deepEqual(ask([0, 1], earlier), ['trust: header-not-sealed']);
  assert.deepEqual(ask([0, 1, 2], { ...earlier, number: network.block }), ['trust: header-not-trusted']);
});

const opened = (network, client) => {
  const main = network.history();
  main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
  return main;
};

test('openings', () => {
  const stranger = { key: new Key('stranger'), did: CLEAN.network.broker.did };
  const one = (values, how, subject) => ofStory((network, client) => {
    const main = network.history(subject);
    main.add('OPENING', values(client), how(client));
    network.anchor();
    return { main };
  });
  assert.deepEqual(one((c) => ({ kind: 'client', opens: c.did, continues: null }), (client) => ({ client })), []);
  assert.deepEqual(one((c) => ({ kind: 'client', opens: c.did, continues: null }), () => ({})), ['opening: opening-signer']);
  assert.deepEqual(one((c) => ({ kind: 'client', opens: c.did, continues: null }), () => ({ client: stranger })), ['opening: opening-signer']);
  assert.deepEqual(one((c) => ({ kind: 'client', opens: c.did }), (client) => ({ client })), ['opening: opening-shape']);
  assert.deepEqual(one(() => ({ kind: 'unsigned-client', opens: null, continues: null }), () => ({})), ['opening: opening-other-client']);
  assert.deepEqual(one(() => ({ kind: 'unsigned-client', opens: null, continues: null }), () => ({ brokers: true })), ['opening: opening-signer']);
  assert.deepEqual(one(() => ({ kind: 'product', opens: 'FUND', continues: null }), () => ({ brokers: true })), ['opening: opening-elsewhere']);
  assert.deepEqual(ofStory((network, client) => {
    const main = network.history();
    main.add('LEVEL_RESULT', { level: 'C4' });
    main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
    network.anchor();
    return { main };
  }), ['opening: opening-missing']);
  assert.deepEqual(ofStory((network, client) => {
    const main = opened(network, client);
    main.add('OPENING', { kind: 'client', opens: client.did, continues: null }, { client });
    network.anchor();
    return { main };
  }), ['opening: opening-again']);
  assert.deepEqual(ofStory((network, client) => {
    const main = opened(network, client);
    network.anchor();
    return { main, how: { redacted: new Map([[main.records[0], ['continues']]]) } };
  }), ['opening: opening-redacted']);
  assert.deepEqual(ofStory((network) => {
    network.broker.signing = Object.assign(new Key('not the one of the leaf'), {});
    const main = network.openedByBroker('product', 'FUND-1');
    network.broker.signing = new Key('broker signing');
    network.anchor();
    return { main, how: { withClient: false } };
  }), ['opening: opening-signature']);
});

test('a client who signs later, a product alone, and a history that goes on from another', () => {
  const network = new Network();
  const main = network.history();
  main.add('OPENING', { kind: 'unsigned-client', opens: null, continues: null });
  main.add('LEVEL_RESULT', { level: 'C4' });
  main.add('OPENING', { kind: 'client', opens: network.client.did, continues: null }, { client: network.client });
  network.anchor();
  const verdict = checked(network, network.bundle(main));
  assert.deepEqual(failedChecks(verdict), []);
  assert.equal(verdict.opened.by, 'broker-then-client');

  assert.deepEqual(ofStory((other) => {
    const product = other.openedByBroker('product', 'FUND-1');
    other.anchor();
    return { main: product, how: { withClient: false } };
  }), []);

  const going = (change) => ofStory((other, client) => {
    const former = opened(other, client);
    const last = former.add('LEVEL_RESULT', { level: 'C4' });
    const next = other.history();
    const continues = { format: 2, subject: former.subject, count: 2, head: last.fingerprint, ...change };
    next.add('OPENING', { kind: 'client', opens: client.did, continues }, { client });
    other.anchor();
    return { main: next, references: change.left === undefined ? [former] : [] };
  });
  assert.deepEqual(going({}), []);
  assert.deepEqual(going({ count: 1 }), ['opening: continues-otherwise']);
  assert.deepEqual(going({ head: '0'.repeat(64) }), ['opening: continues-otherwise']);
  assert.deepEqual(going({ subject: '0'.repeat(64) }), []);
  assert.deepEqual(going({ format: 1 }), []);
  assert.deepEqual(ofStory((other, client) => {
    const next = other.history();
    next.add('OPENING', { kind: 'client', opens: client.did, continues: { format: 1, subject: next.subject, count: 9, head: '1'.repeat(64) } }, { client });
    other.anchor();
    return { main: next };
  }), []);
  assert.deepEqual(ofStory((other, client) => {
    const next = other.history();
    next.add('OPENING', { kind: 'client', opens: client.did, continues: { format: 2, subject: next.subject, count: 9, head: '1'.repeat(64) } }, { client });
    other.anchor();
    return { main: next };
  }), ['opening: continues-subject']);
});

test('acts: the client, his keys, what he knew, once', () => {
  const act = (values, how, change = () => {}) => ofStory((network, client) => {
    const main = opened(network, client);
    change(network, client);
    main.add('LEVEL_RESULT', { level: 'C4' });
    main.add('LEVEL_CONFIRM', values, how(network, client, main));
    network.anchor();
    return { main };
  });
  const level = { level: 'C4' };
  assert.deepEqual(act(level, (_, client) => ({ client })), []);
  assert.deepEqual(act(level, (_, client) => ({ client, known: 0 })), []);
  assert.deepEqual(act(level, () => ({})), ['client-signature: act-unsigned']);
  assert.deepEqual(act(level, (_, client) => ({ client: { ...client, key: new Key('another') } })), ['client-signature: act-signature']);
  assert.deepEqual(act(level, (network) => ({ client: { did: network.broker.did, key: network.broker.signing } })), ['client-signature: act-signer']);
  assert.deepEqual(act(level, (_, client, main) => ({ client, nonce: main.records[0].envelope.known.nonce })), ['client-signature: act-nonce']);
  assert.deepEqual(act(level, () => ({ brokers: true })), ['client-signature: signature-of-nobody']);
  assert.deepEqual(act(level, (_, client) => ({ client, accepted: 1 })), ['client-signature: accepted-block']);
  assert.deepEqual(act(level, (_, client) => ({ client, accepted: 1e6 })), ['client-signature: accepted-block']);
  assert.deepEqual(ofStory((network, client) => {
    const main = opened(network, client);
    const other = main.records[0].fingerprint;
    main.records[0].fingerprint = '9'.repeat(64);
    main.add('LEVEL_CONFIRM', level, { client });
    main.records[0].fingerprint = other;
    network.anchor();
    return { main };
  }), ['client-signature: act-known']);
});

test('records of another history, ids that stand twice, places that are taken', () => {
  const two = (change, references) => ofStory((network, client) => {
    const main = opened(network, client);
    const other = network.openedByBroker('product', 'FUND-1');
    change(main, other, network);
    network.anchor();
    return { main, references: references ?? [other] };
  });
  assert.deepEqual(two((main, other) => main.add('LEVEL_RESULT', {}, { envelope: { subject: other.subject } })), ['subject-chain: link-owner']);
  assert.deepEqual(two((main, other, network) => main.add('LEVEL_RESULT', {}, { envelope: { broker: network.client.did } })), ['subject-chain: link-owner', ]);
  const id = '019aa3b1-5c10-7000-8000-00000000000a';
  assert.deepEqual(two((main, other) => [main, other].map((one) => one.add('LEVEL_RESULT', {}, { envelope: { record_id: id } }))), ['subject-chain: record-id-twice']);
  const next = '12'.repeat(32);
  assert.deepEqual(two((main, other) => [main, other].map((one) => one.add('LEVEL_RESULT', {}, { envelope: { next } }))), ['subject-completeness: label-twice']);
});

test('an anchor that is named wrong proves nothing, and its records neither', () => {
  const wrong = (list) => ofStory((network, client) => {
    const main = opened(network, client);
    network.anchor();
    network.others(3);
    network.anchor();
    network.anchor();
    return { main, how: { wrong: list } };
  });
  assert.deepEqual(wrong([3]), []);
  assert.deepEqual(wrong([2]), ['inclusion: anchor-wrong']);
  assert.deepEqual(wrong([4]), ['checkpoint-signature: checkpoint']);
  assert.deepEqual(wrong([3, 2]), ['checkpoint-signature: checkpoint']);
});

test('the keys of another DID are not in the file: out of reach, not refuted', () => {
  const old = { key: new Key('old wallet'), did: CLEAN.network.witnesses[0].did };
  assert.deepEqual(ofStory((network, client) => {
    const main = opened(network, client);
    const former = opened(network, old);
    network.anchor();
    return { main, references: [former] };
  }), ['client-signature: act-of-another-did']);
});

test('what belongs to nobody', () => {
  assert.deepEqual(ofStory((network) => {
    const main = network.openedByBroker('product', 'FUND-1');
    network.anchor();
    return { main, how: { withClient: false, change: { did: DOCUMENT.did } } };
  }), ['client-keys: did-of-nobody']);
  const network = new Network();
  const main = opened(network, network.client);
  const record = main.add('LEVEL_RESULT', { level: 'C4' });
  network.anchor();
  const document = network.bundle(main);
  const { seq, prev, next, fingerprint } = record;
  document.history.records[1].record = { erased: { seq, prev, next, fingerprint } };
  assert.deepEqual(listed(checked(network, network.signed(document))), ['subject-chain: erased-unnamed']);
  assert.deepEqual(ofStory((other, client) => {
    const history = opened(other, client);
    const gone = history.add('LEVEL_RESULT', { level: 'C4' });
    history.add('ERASE', { erases: [{ seq: 2, fingerprint: gone.fingerprint, rule: 'retention-20-years' }] });
    other.anchor();
    const [batch] = [gone.promise.batch];
    const kept = { batch: 0, index: 1, path: toBase64url(Uint8Array.from(gone.promise.path.flatMap((hash) => [...hash]))), anchor_by: gone.promise.anchor_by };
    const made = other.bundle(history, [], { erased: [gone] });
    made.history.records[1].promise = kept;
    return { main: history, how: { erased: [gone], change: { history: made.history, promises: [batch] } } };
  }), ['promise: promise-of-erased', 'erasure: erasure-early']);
});

test('keys of a client: ended before the anchor, or while the anchor before still saw them', () => {
  const ended = (block, between) => ofStory((network, client) => {
    const main = opened(network, client);
    network.anchor();
    network.others(1);
    if (between) network.anchor();
    main.add('LEVEL_CONFIRM', { level: 'C4' }, { client });
    network.anchor(20);
    const time = network.time() - (network.block - block) * 5;
    network.changes.push({ ...network.changes[0], block, time, validTo: new Uint8Array(32) });
    return { main };
  });
  assert.deepEqual(ended(1000, false), []);
  assert.deepEqual(ended(110, false), []); // the first anchor, in block 102, is shown, and the key ended after it
  assert.deepEqual(ended(101, false), ['client-signature: act-signature']);
  assert.deepEqual(ended(110, true), ['client-signature: act-signature']); // the anchor before, in block 104, is not shown
});

test('the time of use of an act is that of the anchor before, or of the one before that while it was on its way', () => {
  for (const { ended, accepted, block, before, holds } of TIMES_OF_USE) {
    const { network, main } = actOnTheWay({ ended, accepted, block });
    const found = listed(checked(network, network.bundle(main, [], { before })));
    assert.deepEqual(found, holds ? [] : ['client-signature: act-signature'], JSON.stringify({ ended, accepted, block, before }));
  }
});

test('second persons', () => {
  const rated = (how) => ofStory((network, client) => {
    const main = opened(network, client);
    const [one, two] = [network.staff('Li Wei', 'committee'), network.staff('Wang Fang', 'committee')];
    const parts = { one, two, network, client };
    const references = [one.history, two.history, ...(how.more?.(parts) ?? [])];
    const { type = 'PRODUCT_RATE', values = {}, staff = [one.key, two.key], envelope } = how.record?.(parts) ?? {};
    main.add(type, { risk: 'R3', ...values }, { staff, envelope });
    network.anchor();
    how.after?.(parts, main);
    return { main, references: how.references?.(references) ?? references };
  });
  assert.deepEqual(rated({}), []);
  const wrong = (code) => [`staff-signature: ${code}`];
  assert.deepEqual(rated({ record: () => ({ type: 'BIZ_DECIDE' }) }), wrong('staff-role'));
  assert.deepEqual(rated({ record: () => ({ type: 'LEVEL_RESULT' }) }), wrong('staff-type'));
  assert.deepEqual(rated({ record: ({ one }) => ({ staff: [one.key, one.key] }) }), wrong('staff-same-person'));
  assert.deepEqual(rated({ record: ({ one }) => ({ staff: [one.key, new Key('unknown')] }) }), wrong('staff-key-unknown'));
  assert.deepEqual(rated({ references: (list) => list.slice(1) }).at(-1), wrong('staff-key-unknown')[0]);
  assert.deepEqual(rated({ more: ({ one }) => { one.history.add('STAFF_END', { key: toHex(one.key.public), enrolment_ref: one.history.records[1].fingerprint, reason: 'left' }); return []; } }), wrong('staff-key-ended'));
  assert.deepEqual(rated({ more: ({ one }) => { one.history.add('STAFF_END', { key: toHex(one.key.public), enrolment_ref: '0'.repeat(64), reason: 'left' }); return []; } }), wrong('staff-ends-nothing'));
  assert.deepEqual(rated({ more: ({ network }) => [network.staff('ＬＩ\u200b wei', 'compliance').history] }), []);
  assert.deepEqual(rated({ record: ({ network, one }) => ({ staff: [one.key, network.staff('ＬＩ\u200b wei', 'committee').key] }) }).at(-1), wrong('staff-key-unknown')[0]);
  assert.deepEqual(rated({ record: () => ({ envelope: { actor: { did: 'DID:key:zUnknown', role: 'staff' } } }) }), wrong('staff-actor'));
  assert.deepEqual(rated({ record: () => ({ values: { countersigned: 'x' }, staff: null }) }), wrong('staff-shape'));
});

test('enrolments and contents of the staff', () => {
  const wrong = (code) => [`staff-signature: ${code}`];
  const enrolled = (build) => ofStory((network, client) => {
    const main = opened(network, client);
    const references = build(network, main);
    network.anchor();
    return { main, references };
  });
  const rate = { type: 'PRODUCT_RATE', values: { risk: 'R3' } };
  assert.deepEqual(enrolled((network) => [network.staff('A', 'committee', { by: new Key('b') }).history]), wrong('staff-possession'));
  assert.deepEqual(enrolled((network) => {
    const { history, enrolment } = network.staff('A', 'committee');
    history.add('STAFF_ENROL', enrolment);
    return [history];
  }), wrong('staff-enrolled-twice'));
  assert.deepEqual(enrolled((network, main) => {
    const { enrolment } = network.staff('A', 'committee');
    main.add('STAFF_ENROL', enrolment);
    return [];
  }), wrong('staff-elsewhere'));
  assert.deepEqual(enrolled((network) => [network.staff('A', 'committee', { key: network.broker.signing }).history]), wrong('staff-actor'));
  assert.deepEqual(enrolled((network) => [network.staff('A', 'committee', { key: network.client.key }).history]), wrong('staff-actor'));
  assert.deepEqual(enrolled((network, main) => {
    const { key, history } = network.staff('A', 'committee', { expires: network.time() * 1000 });
    main.add(rate.type, rate.values, { staff: [key] });
    return [history];
  }), wrong('staff-key-expired'));
  assert.deepEqual(enrolled((network, main) => {
    const { key, history } = network.staff('A', 'reviewer');
    main.add('BIZ_DECIDE', { reviewer: 'B' }, { staff: [key] });
    return [history];
  }), wrong('staff-name'));
  assert.deepEqual(enrolled((network, main) => {
    const { key, history } = network.staff('A', 'committee');
    main.add(rate.type, { risk: 'R3', countersigned: [{ key: toHex(key.public), value: toBase64url(key.sign(utf8('another'))) }] });
    return [history];
  }), wrong('staff-signature'));
});

test('erasures', () => {
  const TWENTY_YEARS = 7305 * 86_400;
  const erased = ({ seconds = TWENTY_YEARS, rule = 'retention-20-years', staff = 2, names = (record) => record, restored = false } = {}) => ofStory((network, client) => {
    const main = opened(network, client);
    const record = main.add('LEVEL_RESULT', { level: 'C4' });
    const persons = [network.staff('Zhao Min', 'compliance'), network.staff('Sun Lei', 'compliance')];
    const { block } = network.anchor();
    network.block = block + Math.floor(seconds / 5) - 2;
    const named = names(record, main);
    main.add('ERASE', { erases: [{ seq: named.seq, fingerprint: named.fingerprint, rule }] }, { staff: persons.slice(0, staff).map(({ key }) => key) });
    network.anchor();
    return { main, references: persons.map(({ history }) => history), how: { erased: restored ? [] : [record] } };
  });
  assert.deepEqual(erased(), []);
  assert.deepEqual(erased({ seconds: TWENTY_YEARS - 5 }), ['erasure: erasure-early']);
  assert.deepEqual(erased({ rule: 'at-will' }), ['erasure: erasure-rule']);
  assert.deepEqual(erased({ names: (record) => ({ ...record, fingerprint: '0'.repeat(64) }) }), ['subject-chain: erases-another']);
  assert.deepEqual(erased({ rule: 'Not A Rule' }), ['subject-chain: erases-shape']);
  assert.deepEqual(erased({ names: (_, main) => main.records[0] }), ['subject-chain: erased-unnamed']);
  assert.deepEqual(erased({ restored: true }), []);
  assert.deepEqual(erased({ seconds: 100, restored: true }), []);
});

test('what speaks against the broker and refutes nothing', () => {
  const network = new Network();
  const main = opened(network, network.client);
  main.add('LEVEL_RESULT', { level: 'C4' }, { occurred: (network.time() - 3 * 86_400) * 1000 });
  main.add('LEVEL_RESULT', { level: 'C4' }, { occurred: (network.time() + 3_600) * 1000 });
  main.add('ERASE', { erases: [{ seq: 2, fingerprint: main.records[1].fingerprint, rule: 'retention-20-years' }] });
  network.anchor();
  const verdict = checked(network, network.bundle(main));
  assert.equal(verdict.kind, 'holds');
  assert.deepEqual(verdict.findings.map(({ code, seq }) => `${seq} ${code}`), [
    '2 PROMISE_LATE', '2 ANCHORED_LATE', '3 TIMES_CONTRADICT', '4 SECOND_PERSON_MISSING',
  ]);
});

test('logs of several contracts: the last that holds a head counts, and none begins again', () => {
  const several = (contracts, change = () => {}) => ofStory((network, client) => {
    const main = opened(network, client);
    network.anchor();
    const log = network.contracts.find(({ name }) => name === 'EvidenceLog');
    const other = (block, head) => ({ ...log, target: keccak(utf8(`another log ${block}`)).subarray(12), block, head });
    contracts(network, other);
    change(network);
    return { main };
  });
  assert.deepEqual(several(() => {}), []);
  assert.deepEqual(several((network, other) => network.contracts.push(other(90, null))), []);
  assert.deepEqual(several((network, other) => network.contracts.splice(2, 0, other(2, 'none'), other(3, 'head'))), ['state-proof: log-begun-again']);
  assert.deepEqual(several((network, other) => network.contracts.splice(2, 1, other(5, null))), ['state-proof: log-none']);
  const anchor = { name: 'EvidenceAnchor', target: keccak(utf8('EvidenceAnchor')).subarray(12), code_hash: keccak(utf8('code')), block: 6, time: 1 };
  assert.deepEqual(several((network) => network.contracts.push(anchor)), ['log-head: log-former']);
  assert.deepEqual(several((network) => network.contracts.push({ ...anchor, block: 102 })), []);
});

test('a registry of DIDs that succeeds another one holds a head from the first change in it', () => {
  const failed = (at, block, head) => ofStory((network, client) => {
    const main = opened(network, client);
    network.anchor();
    const index = network.contracts.findIndex(({ name }) => name === 'DidRegistry');
    const other = { ...network.contracts[index], target: keccak(utf8('another registry')).subarray(12), block, head };
    network.contracts.splice(index + at, 0, other);
    return { main };
  });
  assert.deepEqual(failed(1, 90, null), []);
  assert.deepEqual(failed(0, 2, 'head'), []);
  assert.deepEqual(failed(1, 90, 'head'), ['client-keys: did-head']);
});

test('promises that somebody holds', () => {
  const network = new Network();
  const main = opened(network, network.client);
  const elsewhere = opened(network, network.client);
  network.anchor();
  const document = network.bundle(main);
  const trusts = [network.trust(network.chain().header)];
  const late = main.add('LEVEL_RESULT', { level: 'C4' });
  network.promise({ records: [late] });
  const ask = (...promises) => listed(checked(network, document, { trusts, asked: { promises: promises.map(canonical) } }));
  const held = network.held(main.records[0]);
  assert.deepEqual(ask(held), []);
  assert.deepEqual(ask(network.held(late)), []);
  assert.deepEqual(ask(network.held(elsewhere.records[0])), ['held-promises: held-broken']);
  assert.deepEqual(ask({ ...held, fingerprint: '0'.repeat(64) }), ['held-promises: held-key']);
  assert.deepEqual(ask({ ...held, broker: network.client.did, signature: { ...held.signature, key: `${network.client.did}#signing` } }), []);
  assert.deepEqual(ask({}), ['not-a-bundle']);
  assert.equal(readPromises(canonical([held, held])).length, 2);
  assert.throws(() => readPromises(utf8('[')));
});

test('every reason has words in both languages, and hostile text is made plain', () => {
  const sources = ['.', 'checks'].flatMap((folder) => readdirSync(new URL(`../${folder}/`, import.meta.url)).filter((name) => name.endsWith('.js')).map((name) => new URL(`../${folder}/${name}`, import.meta.url)));
  const used = new Set(sources.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/(?:Failed|CouldNotCheck|within)\('([a-z0-9-]+)'/g)].map((match) => match[1])));
  const worded = new Set(CODES.filter((code) => code.startsWith('why.')).map((code) => code.slice(4)));
  for (const code of used) assert.ok(worded.has(code), code);
  for (const code of worded) assert.ok(used.has(code) || code === 'shape' || code === 'rests-on', code);
  for (const code of CODES) {
    const [zh, en] = LANGUAGES.map((language) => say(language, code, {}));
    assert.ok(zh !== '' && en !== '');
    if (code !== 'why.shape') assert.match(zh, /[\u4e00-\u9fff]/, code);
    assert.doesNotMatch(en, /[\u4e00-\u9fff]/, code);
  }
  for (const name of NAMES) say('zh', `check.${name}`);
  assert.equal(plain('a\u202eb\nc\u200bd'), 'a[U+202E]b[U+000A]c[U+200B]d');
  const missing = [...worded].filter((code) => !COVERED.has(code));
  assert.deepEqual(missing, []);
});
