/**
 * Makes bundles of format 2 for tests: a network, a broker's log and map, histories, and the document over them.
 *
 * A third reading of the specification. It shares hashing with the verifier, and no check. Everything comes from one seed.
 */

import { ed25519 } from '@noble/curves/ed25519.js';

import { EMPTY, ZERO_HASH, concat, fromHex, toBase64, toBase64url, toHex, u64, u8, utf8 } from '../bytes.js';
import { canonical } from '../canonical.js';
import { directoryHead, didHistoryHead } from '../heads.js';
import { keccak, nameWord } from '../keccak.js';
import { bit, mapLeaf, mapNode } from '../map.js';
import { activeRoot, keysDigest, memberNode } from '../members.js';
import { leafHash, leftPart, rootOf } from '../merkle.js';
import { keyId } from '../note.js';
import { derivedSubject, staffSubject } from '../opening.js';
import { NO_RECORD, actBytes, entryOf, firstLabel, taggedSha256 } from '../record.js';
import { encodeRlp } from '../rlp.js';
import { sha256 } from '../sha256.js';
import { timeText } from '../shapes.js';
import { ACTIVE_COUNT, ACTIVE_MEMBERS, DIRECTORY_HEAD, didHead, logHead } from '../slots.js';
import { SUITES, hmac, taggedHmac } from '../suites.js';
import { TrieMaker, pooled } from './trie-maker.js';

const SUITE = 'sha256-ed25519/1';
const CHAIN = 0x2a3f;
const START = 1_795_000_000;
const BLOCK_SECONDS = 5;

let drawn = 0;
const draw = (text) => sha256(utf8(`${text}/${drawn++}`));

export class Key {
  constructor(name) {
    this.seed = sha256(utf8(`key of ${name}`));
    this.public = ed25519.getPublicKey(this.seed);
  }

  sign(bytes) {
    return ed25519.sign(bytes, this.seed);
  }
}

class Member {
  constructor(name, number, role = 1) {
    this.address = keccak(utf8(name)).subarray(12);
    this.did = didOf(this.address);
    this.number = number;
    this.role = role;
    this.signing = new Key(`${name} signing`);
    this.checkpoint = new Key(`${name} checkpoint`);
    this.keys = {
      algorithm: 1, signing: this.signing.public, checkpoint: this.checkpoint.public, agreement: draw('agreement'),
      compliance: this.address,
    };
  }

  get digest() {
    return keysDigest(this.keys);
  }
}

/** One history being written: `add` seals a record and gives it a place in the log. */
class History {
  constructor(world, subject) {
    Object.assign(this, { world, subject, records: [], prev: NO_RECORD });
    this.label = firstLabel(world.broker.did, fromHex(subject));
  }

  add(type, values, how = {}) {
    const { world } = this;
    const suite = SUITES.get(SUITE);
    const seq = this.records.length + 1;
    const rootSalt = draw('root salt');
    const fields = Object.create(null);
    const salts = {};
    const digest = (name, value) => {
      salts[name] = taggedHmac(suite, rootSalt, 'bonafides/record/2/field-salt', utf8(name));
      fields[name] = toHex(hmac(suite, salts[name], canonical(value)));
    };
    for (const [name, value] of Object.entries(values)) digest(name, value);
    const secret = taggedHmac(suite, rootSalt, 'bonafides/record/2/next', concat(fromHex(this.subject), u64(seq + 1)));
    const occurred = how.occurred ?? (world.time() + seq) * 1000;
    const envelope = {
      format: 'bonafides.record/2', suite: SUITE, record_id: recordId(), type, schema: '1', broker: world.broker.did,
      subject: this.subject, seq, prev: this.prev, next: toHex(sha256(secret)), occurred_at: timeText(occurred),
      recorded_at: timeText(occurred + 300), channel: 'app', actor: { did: world.broker.did, role: 'engine' }, ruleset: null,
      document: null, accepted: { block: how.accepted ?? world.block, hash: toHex(keccak(utf8(`block ${world.block}`))) },
      known: null, fields, attachments: [], signatures: [], ...how.envelope,
    };
    if (how.staff) {
      const content = (({ broker, subject, type: code, occurred_at, channel, actor, attachments }) => (
        { broker, subject, type: code, occurred_at, channel, actor, attachments, fields: { ...fields } }))(envelope);
      const said = taggedSha256('bonafides/staff-act/1', canonical(content));
      values = { ...values, countersigned: how.staff.map((key) => ({ key: toHex(key.public), value: toBase64url(key.sign(said)) })) };
      digest('countersigned', values.countersigned);
    }
    if (how.client) {
      const count = how.known ?? seq - 1;
      envelope.known = { count, fingerprint: count === 0 ? NO_RECORD : this.records[count - 1].fingerprint, nonce: how.nonce ?? toHex(draw('nonce').subarray(16)) };
      envelope.actor = { did: how.client.did, role: 'client' };
      envelope.signatures = [{ did: how.client.did, key: `${how.client.did}#delegate-1`, alg: 'Ed25519', value: toBase64url(how.client.key.sign(actBytes(envelope))) }];
    } else if (how.brokers) {
      envelope.signatures = [{ did: world.broker.did, key: `${world.broker.did}#signing`, alg: 'Ed25519', value: toBase64url(world.broker.signing.sign(actBytes(envelope))) }];
    }
    const envelopeSalt = taggedHmac(suite, rootSalt, 'bonafides/record/2/envelope-salt', EMPTY);
    const fingerprint = toHex(hmac(suite, envelopeSalt, canonical(envelope)));
    const shown = Object.create(null);
    for (const [name, value] of Object.entries(values)) shown[name] = { value, salt: toHex(salts[name]) };
    const record = {
      envelope, fingerprint, seq, prev: this.prev, next: envelope.next, label: this.label, history: this,
      copy: { envelope, envelope_salt: toHex(envelopeSalt), fields: shown },
    };
    record.entry = entryOf(record);
    record.logIndex = world.log(record);
    this.records.push(record);
    this.prev = fingerprint;
    this.label = fromHex(envelope.next);
    return record;
  }
}

export class Network {
  constructor() {
    drawn = 0;
    this.block = 100;
    this.broker = new Member('broker', 2);
    this.witnesses = [new Member('witness one', 0), new Member('witness two', 5), new Member('regulator', 7, 2)];
    this.signer = new Key('signer of trust files');
    this.client = { key: new Key('client') };
    this.client.address = keccak(utf8('client')).subarray(12);
    this.client.did = didOf(this.client.address);
    this.changes = [{
      event: 'DIDAttributeChanged', block: 50, time: START + 50 * BLOCK_SECONDS, name: nameWord('did/pub/Ed25519/veriKey/hex'),
      value: this.client.key.public, validTo: fromHex('ff'.repeat(32)),
    }];
    this.contracts = ['DidRegistry', 'MemberRegistry', 'EvidenceLog', 'TaskRegistry'].map((name, index) => ({
      name, target: keccak(utf8(name)).subarray(12), code_hash: keccak(utf8(`code of ${name}`)), block: 3 + index,
      time: START + (3 + index) * BLOCK_SECONDS,
    }));
    this.directory = keccak(utf8('Directory')).subarray(12);
    this.opening = { former: new Uint8Array(20), former_seq: 0, former_root: ZERO_HASH, former_size: 0, former_map_root: ZERO_HASH, block: 101, time: START + 101 * BLOCK_SECONDS };
    this.leaves = [leafHash(concat(u8(0), u64(1), this.opening.former, u64(0), ZERO_HASH, u64(0), ZERO_HASH, u64(101), u64(this.opening.time)))];
    this.anchors = [];
    this.pending = [];
    this.size = 0;
    this.map = [];
  }

  time() {
    return START + this.block * BLOCK_SECONDS;
  }

  history(subject = toHex(draw('subject'))) {
    return new History(this, subject);
  }

  /** Records of others, of which nothing is shown. */
  others(count) {
    for (let index = 0; index < count; index++) this.log({ entry: draw('entry'), label: draw('label') });
  }

  log(record) {
    this.pending.push(record);
    return this.size + this.pending.length - 1;
  }

  /** Anchor what is pending; `seconds` pass before. */
  anchor(blocks = 2) {
    this.block += blocks;
    this.map.push(...this.pending.map(({ label, entry }) => [label, entry]));
    const anchor = {
      seq: this.leaves.length + 1, batch_root: rootOf(this.pending.map(({ entry }) => leafHash(entry))), size_before: this.size,
      size_after: this.size + this.pending.length, map_root: mapRoot(this.map), block: this.block, time: this.time(),
      keys_digest: this.broker.digest, key_version: 1, records: this.pending,
    };
    this.leaves.push(leafHash(concat(
      u8(1), u64(anchor.seq), anchor.batch_root, u64(anchor.size_before), u64(anchor.size_after), anchor.map_root,
      u64(anchor.block), u64(anchor.time), anchor.keys_digest, u64(1),
    )));
    this.anchors.push(anchor);
    this.size = anchor.size_after;
    this.pending = [];
    this.promise(anchor);
    return anchor;
  }

  /** One promise for each run of records of one accepted block. */
  promise(anchor) {
    const blocks = new Map();
    for (const record of anchor.records.filter(({ envelope }) => envelope !== undefined)) {
      const { block } = record.envelope.accepted;
      blocks.set(block, [...(blocks.get(block) ?? []), record]);
    }
    for (const [block, records] of blocks) {
      const bodies = records.map((record) => ({
        format: 'bonafides.promise/2', suite: SUITE, broker: this.broker.did, subject: record.history.subject, seq: record.seq,
        label: toHex(record.label), record_id: record.envelope.record_id, fingerprint: record.fingerprint, entry: toHex(record.entry),
        log_index: record.logIndex, recorded_at: record.envelope.recorded_at,
        anchor_by: timeText(Date.parse(record.envelope.recorded_at) + 3_600_000), block,
      }));
      const leaves = bodies.map((body) => sha256(u8(0), canonical(body)));
      const root = rootOf(leaves);
      const signed = canonical({ format: 'bonafides.promise-batch/2', suite: SUITE, broker: this.broker.did, block, count: leaves.length, root: toHex(root) });
      const batch = { block, count: leaves.length, root: toHex(root), value: toBase64url(this.broker.signing.sign(signed)) };
      records.forEach((record, index) => {
        record.body = bodies[index];
        record.promise = { batch, index, path: pathOf(leaves, index), anchor_by: bodies[index].anchor_by };
      });
    }
  }

  /** A promise as its holder keeps it. */
  held(record) {
    const { batch, index, path } = record.promise;
    return {
      ...record.body, batch: { index, count: batch.count, path: joined(path) },
      signature: { key: `${this.broker.did}#signing`, alg: 'Ed25519', value: batch.value },
    };
  }

  members() {
    const all = [this.broker, ...this.witnesses];
    const leaves = Array.from({ length: 1024 }, () => ZERO_HASH);
    for (const one of all) leaves[one.number] = activeRoot(one.address, one.role, one.digest, one.number, []);
    const levels = [leaves];
    while (levels.at(-1).length > 1) {
      const below = levels.at(-1);
      levels.push(Array.from({ length: below.length / 2 }, (_, index) => memberNode(below[2 * index], below[2 * index + 1])));
    }
    const path = (number) => levels.slice(0, -1).map((level, height) => level[(number >> height) ^ 1]);
    return { root: levels.at(-1)[0], shown: all.map((one) => ({ member: one.did, number: one.number, role: one.role, path: path(one.number), keys: one.keys })) };
  }

  /** The checkpoint of the last anchor, cosigned by the first `witnesses`. */
  checkpoint(witnesses = 2, wrong = []) {
    const last = this.anchors.at(-1);
    const origin = `${this.broker.did}/log/2`;
    const text = `${origin}\n${last.seq}\n${toBase64(rootOf(this.leaves))}\nmap ${toBase64(last.map_root)} ${last.size_after}\n${wrong.map((seq) => `wrong ${seq}\n`).join('')}`;
    const line = (name, key, algorithm, value) => `\u2014 ${name} ${toBase64(concat(keyId(name, key, algorithm), value))}\n`;
    const own = line(origin, this.broker.checkpoint.public, 1, this.broker.checkpoint.sign(utf8(text)));
    const time = last.time + 60;
    const others = this.witnesses.slice(0, witnesses).map(({ did, checkpoint }) =>
      line(`${did}/witness/2`, checkpoint.public, 4, concat(u64(time), checkpoint.sign(utf8(`cosignature/v1\ntime ${time}\n${text}`)))));
    return `${text}\n${own}${others.join('')}`;
  }

  /** State of the contracts, and header of the present block. */
  chain(withClient = true) {
    const { root } = this.members();
    const last = this.leaves.length;
    const word = (value) => encodeRlp(stripped(value));
    const head = sha256(u8(2), u64(last), rootOf(this.leaves));
    const storage = {
      Directory: [[DIRECTORY_HEAD, directoryHead(this.contracts)]],
      MemberRegistry: [[ACTIVE_MEMBERS, root], [ACTIVE_COUNT, u64(1 + this.witnesses.length)]],
      EvidenceLog: [[logHead(this.broker.address), head]],
      DidRegistry: [[didHead(this.client.address), didHistoryHead(this.changes)]],
    };
    const accounts = [{ name: 'Directory', target: this.directory, code_hash: keccak(utf8('code of Directory')) }, ...this.contracts];
    const state = accounts.map((account) => {
      const { name, target, code_hash: code } = account;
      // Another contract of the name than the network's: `head` says whether it holds a head of this broker, or client.
      const slot = name === 'DidRegistry' ? didHead(this.client.address) : logHead(this.broker.address);
      account.slots = account.head === null || account.head === 'none' ? [[slot, null]] : storage[name] ?? [];
      if (account.head === 'head') account.slots = [[slot, keccak(utf8('an earlier head'))]];
      const noise = Array.from({ length: 20 }, (_, index) => [keccak(utf8(`${name} ${index}`)), word(keccak(u8(index)))]);
      account.trie = new TrieMaker([...account.slots.filter(([, value]) => value !== null).map(([slot, value]) => [slot, word(value)]), ...noise]);
      return [target, encodeRlp([Uint8Array.of(1), EMPTY, account.trie.root, code])];
    });
    const people = Array.from({ length: 30 }, (_, index) => [keccak(u8(index)).subarray(12), encodeRlp([EMPTY, u8(9), ZERO_HASH, keccak(EMPTY)])]);
    const top = new TrieMaker([...state, ...people]);
    const names = ['Directory', 'MemberRegistry', 'EvidenceLog', ...(withClient ? ['DidRegistry'] : [])];
    const nodes = pooled(...accounts.filter(({ name }) => names.includes(name)).flatMap((account) => [
      top.proof(account.target), ...account.slots.map(([slot]) => account.trie.proof(slot)),
    ]));
    const fields = [ZERO_HASH, ZERO_HASH, new Uint8Array(20), top.root, ZERO_HASH, ZERO_HASH, new Uint8Array(256), EMPTY, stripped(u64(this.block)), u8(99), EMPTY, stripped(u64(this.time())), EMPTY, ZERO_HASH, new Uint8Array(8)];
    return { header: encodeRlp(fields), nodes };
  }

  trust(header, signer = this.signer, changed = {}) {
    const file = {
      format: 'bonafides.trust/2', chain_id: CHAIN, header_rule: 'ethereum/1', directory: zeroX(this.directory),
      block: { number: this.block, hash: zeroX(keccak(header)), time: this.time() },
      signer: { did: this.witnesses[2].did, alg: 'Ed25519', key: toHex(signer.public) }, ...changed,
    };
    return canonical({ ...file, signature: toBase64url(signer.sign(canonical(file))) });
  }

  /**
   * @param main History @param references [History]
   * @param how {redacted: Map of record to fields left out, erased: [records], witnesses, wrong: [seq], withClient,
   *   before: [seq] of anchors shown beside those of the records, change: members}
   */
  bundle(main, references = [], how = {}) {
    const { header, nodes } = this.chain(how.withClient ?? true);
    const histories = [main, ...references];
    const records = histories.flatMap((history) => history.records);
    const erased = new Set(how.erased ?? []);
    const used = this.anchors.filter((anchor) => anchor === this.anchors.at(-1) || (how.before ?? []).includes(anchor.seq) || anchor.records.some((one) => records.includes(one)));
    const batches = [...new Set(records.filter((one) => !erased.has(one)).map(({ promise }) => promise.batch))];
    const wanted = [...records.map(({ label, entry }) => [label, entry]), ...histories.map(({ label }) => [label, null])];
    const lookup = lookUp(this.map, wanted.map(([label]) => label));
    const document = {
      format: 'bonafides.bundle/2', suite: SUITE, chain_id: CHAIN, header_rule: 'ethereum/1', broker: this.broker.did,
      client: how.withClient === false ? null : this.client.did, case: 'CASE-1', made_at: timeText(this.time() * 1000),
      header: toBase64url(header), nodes: nodes.map(toBase64url),
      directory: this.contracts.map(({ head: _, trie: __, slots: ___, ...one }) => ({ ...one, target: zeroX(one.target), code_hash: toHex(one.code_hash) })),
      did: how.withClient === false ? [] : this.changes.map(changeJson),
      members: this.members().shown.map((one) => ({ ...one, path: joined(one.path), keys: keysJson(one.keys) })),
      keys: [keysJson(this.broker.keys)],
      log: {
        seq: this.leaves.length, opening: { ...this.opening, former: zeroX(this.opening.former), former_root: toHex(ZERO_HASH), former_map_root: toHex(ZERO_HASH) },
        path: joined(coverOf(this.leaves, new Set([0, ...used.map(({ seq }) => seq - 1)]))), anchors: used.map((one) => anchorJson(one, records)),
      },
      checkpoint: this.checkpoint(how.witnesses ?? 2, how.wrong),
      history: historyJson(main, batches, erased, how.redacted ?? new Map()),
      references: references.map((one) => historyJson(one, batches, erased, how.redacted ?? new Map())),
      map: { walk: lookup.walk, hashes: joined(lookup.hashes) },
      promises: batches, rulesets: [], pending: this.pending.length,
      ...how.change,
    };
    return this.signed(document);
  }

  /** A document signed by the broker, whatever it says. */
  signed(document) {
    const { signature: _, ...body } = document;
    const value = toBase64url(this.broker.signing.sign(canonical(body)));
    return { ...body, signature: { key: `${this.broker.did}#signing`, alg: 'Ed25519', value } };
  }

  /** A broker's opening of a product, of a key of the staff or of another thing of the house. */
  openedByBroker(kind, opens) {
    const history = this.history(derivedSubject(this.broker.did, { kind, opens }));
    history.add('OPENING', { kind, opens, continues: null }, { brokers: true });
    return history;
  }

  /** how {expires: milliseconds, by: the key that shows possession, key} */
  staff(name, role, how = {}) {
    const key = how.key ?? new Key(`staff ${name} ${role}`);
    const hex = toHex(key.public);
    const history = this.openedByBroker('house', `staff:${hex}`);
    if (history.subject !== staffSubject(this.broker.did, hex)) throw new Error('no subject of a key');
    const said = canonical({ broker: this.broker.did, name, role, key: hex });
    const enrolment = {
      name, role, key: hex, expires_at: timeText(how.expires ?? 2_500_000_000_000),
      proof: toBase64url((how.by ?? key).sign(taggedSha256('bonafides/staff-key/1', said))),
    };
    history.add('STAFF_ENROL', enrolment);
    return { key, history, enrolment };
  }
}

function didOf(address) {
  return `did:ethr:0x${CHAIN.toString(16)}:0x${toHex(address)}`;
}

function zeroX(bytes) {
  return `0x${toHex(bytes)}`;
}

function joined(hashes) {
  return toBase64url(concat(...hashes));
}

function stripped(bytes) {
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}

function recordId() {
  const digits = toHex(draw('record id'));
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-7${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

function keysJson({ algorithm, signing, checkpoint, agreement, compliance }) {
  return { algorithm, signing: toHex(signing), checkpoint: toHex(checkpoint), agreement: toHex(agreement), compliance: zeroX(compliance) };
}

function changeJson(change) {
  return Object.fromEntries(Object.entries(change).map(([name, value]) => [name, value instanceof Uint8Array ? zeroX(value) : value]));
}

function anchorJson(anchor, records) {
  const { records: batch, ...said } = anchor;
  const leaves = batch.map(({ entry }) => leafHash(entry));
  const shown = new Set(batch.flatMap((one, index) => (records.includes(one) ? [index] : [])));
  return {
    ...said, batch_root: toHex(said.batch_root), map_root: toHex(said.map_root), keys_digest: toHex(said.keys_digest),
    batch: shown.size === 0 ? '' : joined(coverOf(leaves, shown)),
  };
}

function historyJson(history, batches, erased, redacted) {
  return {
    subject: history.subject,
    records: history.records.map((record) => {
      if (erased.has(record)) {
        const { seq, prev, next, fingerprint } = record;
        return { record: { erased: { seq, prev, next, fingerprint } }, log_index: record.logIndex, promise: null };
      }
      const fields = Object.fromEntries(Object.entries(record.copy.fields).filter(([name]) => !(redacted.get(record) ?? []).includes(name)));
      const { batch, index, path, anchor_by } = record.promise;
      return {
        record: { ...record.copy, fields }, log_index: record.logIndex,
        promise: { batch: batches.indexOf(batch), index, path: joined(path), anchor_by },
      };
    }),
  };
}

export function pathOf(leaves, index) {
  if (leaves.length === 1) return [];
  const left = leftPart(leaves.length);
  return index < left
    ? [...pathOf(leaves.slice(0, left), index), rootOf(leaves.slice(left))]
    : [...pathOf(leaves.slice(left), index - left), rootOf(leaves.slice(0, left))];
}

export function coverOf(leaves, given, first = 0) {
  if (!leaves.some((_, index) => given.has(first + index))) return [rootOf(leaves)];
  if (leaves.length === 1) return [];
  const left = leftPart(leaves.length);
  return [...coverOf(leaves.slice(0, left), given, first), ...coverOf(leaves.slice(left), given, first + left)];
}

export function mapRoot(held, depth = 0) {
  if (held.length === 0) return ZERO_HASH;
  if (held.length === 1) return mapLeaf(...held[0]);
  const [left, right] = sides(held, ([label]) => label, depth);
  return mapNode(mapRoot(left, depth + 1), mapRoot(right, depth + 1));
}

/** {walk, hashes} of the lookup of labels in a map [[label, entry]]. */
export function lookUp(held, labels, depth = 0) {
  if (held.length === 0) return { walk: '0', hashes: [] };
  if (labels.length === 0) return { walk: 'h', hashes: [mapRoot(held, depth)] };
  if (held.length === 1) {
    const wanted = labels.some((label) => toHex(label) === toHex(held[0][0]));
    return wanted ? { walk: 'f', hashes: [] } : { walk: 'l', hashes: held[0] };
  }
  const [left, right] = sides(held, ([label]) => label, depth);
  const [lower, upper] = sides(labels, (label) => label, depth);
  const [a, b] = [lookUp(left, lower, depth + 1), lookUp(right, upper, depth + 1)];
  return { walk: `1${a.walk}${b.walk}`, hashes: [...a.hashes, ...b.hashes] };
}

function sides(list, labelOf, depth) {
  return [0, 1].map((side) => list.filter((one) => bit(labelOf(one), depth) === side));
}
