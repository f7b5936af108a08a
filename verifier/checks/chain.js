/** Checks of what the chain says: one chain, trusted block, state, Directory, log, keys, checkpoint (1, 3 to 8). */

import { anchorBytes, openingBytes } from '../anchors.js';
import { equal, isZero, toHex, u64, u8 } from '../bytes.js';
import { cosignedBy, isSignedByBroker, originOf, readCheckpoint } from '../checkpoint.js';
import { CouldNotCheck, Failed, within } from '../failures.js';
import { HEADER_RULES } from '../header.js';
import { directoryHead } from '../heads.js';
import { BROKER, DEPTH, activeRoot, keysDigest } from '../members.js';
import { leafHash, rootByMultiproof } from '../merkle.js';
import { sha256 } from '../sha256.js';
import { addressOf, chainOf } from '../shapes.js';
import { ACTIVE_COUNT, ACTIVE_MEMBERS, DIRECTORY_HEAD, didHead, logHead } from '../slots.js';
import { suiteOfAlgorithm } from '../suites.js';
import { Pool, openAccount, openSlot } from '../trie.js';
import { checkAgreement, checkSigner } from '../trust.js';

const HEAD = u8(2);
const NOBODY = new Uint8Array(20);

/** 1. Beyond the shapes: one chain. */
export function structure({ bundle }) {
  const dids = [bundle.broker, bundle.client, ...bundle.members.map(({ member }) => member)];
  if (dids.some((one) => one !== null && chainOf(one) !== BigInt(bundle.chain_id))) throw new Failed('other-chain');
}

/** 3. The header is that of a block which a pinned signer vouches for, and late enough. */
export function trust(world) {
  const { bundle, trusts, pinned } = world;
  if (trusts.length === 0) throw new Failed('trust-none');
  trusts.forEach((file) => checkSigner(file, pinned));
  checkAgreement(trusts);
  const [first] = trusts;
  if (first.chain_id !== bundle.chain_id || first.header_rule !== bundle.header_rule) throw new Failed('trust-other-chain');
  const rule = HEADER_RULES.get(bundle.header_rule);
  if (rule === undefined) throw new CouldNotCheck('header-rule', { rule: bundle.header_rule });
  const header = within('header', {}, () => rule.read(bundle.header));
  const vouching = vouchingFor(header, trusts);
  const least = world.least ?? Math.max(...trusts.map(({ block }) => block.number));
  if (header.number < least) throw new Failed('header-too-old', { block: header.number, least });
  world.header = header;
  world.signers = [...new Set(vouching.map(({ signer }) => signer.did))];
  world.directory = first.directory;
}

/** The trust files on whose word a header stands: of its own block or, where validators seal, of the last one before it. */
function vouchingFor(header, trusts) {
  const own = trusts.filter(({ block }) => equal(block.hash, header.hash));
  if (own.some(({ block }) => block.number !== header.number || block.time !== header.time)) throw new Failed('header-otherwise');
  if (header.isSealedBy === null) {
    if (own.length === 0) throw new Failed('header-not-trusted', { block: header.number });
    return own;
  }
  const last = Math.max(...trusts.map(({ block }) => block.number));
  const vouching = own.length > 0 || header.number <= last ? own : trusts.filter(({ block }) => block.number === last);
  if (vouching.length === 0) throw new Failed('header-not-trusted', { block: header.number });
  if (!vouching.every(({ validators }) => header.isSealedBy(validators))) throw new Failed('header-not-sealed', { block: header.number });
  return vouching;
}

/** 4. Every account and slot opens under the state root, and no node is left over. */
export function stateProof(world) {
  within('state-proof', {}, () => {
    const state = new State(world);
    world.directoryHead = state.slotOfDirectory(DIRECTORY_HEAD);
    const registry = state.storageOf(named(world, 'MemberRegistry').at(-1), 'MemberRegistry');
    world.activeMembers = state.slot(registry, ACTIVE_MEMBERS);
    world.activeCount = Number(BigInt(`0x${toHex(state.slot(registry, ACTIVE_COUNT))}`));
    world.logHead = headOfLog(world, state);
    if (world.bundle.client !== null) {
      world.didHead = headOfDid(world, state);
    }
    state.pool.allUsed();
  });
}

/** The state under one root, opened contract by contract. */
class State {
  constructor({ bundle, header, directory: address }) {
    this.pool = new Pool(bundle.nodes);
    this.root = header.stateRoot;
    this.directory = openAccount(this.pool, this.root, address);
  }

  slotOfDirectory(slot) {
    return openSlot(this.pool, this.directory.storageRoot, slot);
  }

  /** The storage of the contract of an entry of the Directory. */
  storageOf(entry, name) {
    if (entry === undefined) throw new Failed('directory-lacks', { name });
    const account = openAccount(this.pool, this.root, entry.target);
    if (!equal(account.codeHash, entry.code_hash)) throw new Failed('code-hash', { name });
    return account.storageRoot;
  }

  slot(storage, slot) {
    return openSlot(this.pool, storage, slot);
  }
}

function named({ bundle }, name) {
  return bundle.directory.filter((entry) => entry.name === name);
}

/**
 * The broker's head in every EvidenceLog ever named: the last one that is not zero counts. Where an earlier contract held a
 * head as well, the log has to have begun before the next contract was named: it went on there, and did not begin again.
 */
function headOfLog(world, state) {
  const entries = named(world, 'EvidenceLog');
  if (entries.length === 0) throw new Failed('directory-lacks', { name: 'EvidenceLog' });
  const slot = logHead(addressOf(world.bundle.broker));
  const heads = entries.map((entry) => state.slot(state.storageOf(entry, 'EvidenceLog'), slot));
  const held = heads.flatMap((head, index) => (isZero(head) ? [] : [index]));
  if (held.length === 0) throw new Failed('log-none');
  const [first] = held;
  if (held.length > 1 && world.bundle.log.opening.block >= entries[first + 1].block) throw new Failed('log-begun-again');
  return heads[held.at(-1)];
}

/** The client's head in every DidRegistry ever named: a new one takes a DID over at the first change in it. */
function headOfDid(world, state) {
  const entries = named(world, 'DidRegistry');
  if (entries.length === 0) throw new Failed('directory-lacks', { name: 'DidRegistry' });
  const slot = didHead(addressOf(world.bundle.client));
  const heads = entries.map((entry) => state.slot(state.storageOf(entry, 'DidRegistry'), slot));
  return heads.findLast((head) => !isZero(head)) ?? heads.at(-1);
}

/** 5. The entries, in order, give the Directory's head. */
export function directory({ bundle, directoryHead: head }) {
  if (!equal(directoryHead(bundle.directory), head)) throw new Failed('directory-head');
}

/** 6. The log's head is that of the chain; opening and anchors open under its root. */
export function logHeadCheck(world) {
  const { bundle, anchors } = world;
  const { log } = bundle;
  anchors.forEach((anchor, index) => checkOrder(anchor, anchors[index - 1] ?? null));
  if (world.last.seq !== log.seq) throw new Failed('log-last');
  const leaves = new Map([[0, leafHash(openingBytes(log.opening))]]);
  anchors.forEach((anchor) => leaves.set(anchor.seq - 1, leafHash(anchorBytes(anchor))));
  const root = within('log-path', {}, () => rootByMultiproof(leaves, log.seq, log.path));
  if (!equal(sha256(HEAD, u64(log.seq), root), world.logHead)) throw new Failed('log-head');
  checkFormer(world, log.opening);
  world.treeRoot = root;
}

/** What the log continues is the contract of version 1 that the Directory named when it began, or nothing. */
function checkFormer(world, { former, block }) {
  const last = named(world, 'EvidenceAnchor').findLast((entry) => entry.block <= block);
  if (!equal(former, last === undefined ? NOBODY : last.target)) throw new Failed('log-former');
}

function checkOrder(anchor, before) {
  if (before === null) return;
  const next = anchor.seq === before.seq + 1;
  const grows = next ? anchor.size_before === before.size_after : anchor.size_before >= before.size_after;
  if (anchor.seq <= before.seq || !grows) throw new Failed('log-order', { seq: anchor.seq });
}

/** 7. Key sets open the digests of the leaves; who is shown is an active member. A broker may have been suspended since. */
export function memberKeys(world) {
  const { bundle, anchors } = world;
  world.keysByDigest = new Map();
  for (const keys of bundle.keys) {
    const digest = toHex(keysDigest(keys));
    if (world.keysByDigest.has(digest)) throw new Failed('keys-twice');
    if (!suiteOfAlgorithm(keys.algorithm).isKey(keys.signing)) throw new Failed('keys-no-key');
    world.keysByDigest.set(digest, keys);
  }
  const named = new Set(anchors.map((anchor) => toHex(anchor.keys_digest)));
  for (const digest of named) if (!world.keysByDigest.has(digest)) throw new Failed('keys-missing');
  if (named.size !== world.keysByDigest.size) throw new Failed('keys-unnamed');
  const seen = new Set();
  for (const { member, number, role, path, keys } of bundle.members) {
    if (seen.has(member)) throw new Failed('member-twice', { member });
    seen.add(member);
    if (path.length !== DEPTH || number >= 2 ** DEPTH) throw new Failed('member-not-active', { member });
    const root = activeRoot(addressOf(member), role, keysDigest(keys), number, path);
    if (!equal(root, world.activeMembers)) throw new Failed('member-not-active', { member });
    if (member === bundle.broker && role !== BROKER) throw new Failed('member-no-broker');
  }
  if (!seen.has(bundle.broker)) world.notes.push({ code: 'broker-not-active', details: {} });
}

/** 8. The checkpoint is of this log and signed; cosignatures of the members that are shown hold, each key once. */
export function checkpointSignature(world) {
  const { bundle, last } = world;
  const keys = world.keysByDigest.get(toHex(last.keys_digest));
  within('checkpoint', {}, () => {
    const checkpoint = readCheckpoint(bundle.checkpoint);
    const same = checkpoint.origin === originOf(bundle.broker) && checkpoint.seq === bundle.log.seq
      && checkpoint.size === last.size_after && equal(checkpoint.root, world.treeRoot) && equal(checkpoint.mapRoot, last.map_root);
    if (!same) throw new Failed('checkpoint-otherwise');
    if (!isSignedByBroker(checkpoint, bundle.broker, keys.checkpoint)) throw new Failed('checkpoint-unsigned');
    world.wrong = new Set(checkpoint.wrong);
    if (world.wrong.size > 0) world.notes.push({ code: 'anchors-wrong', details: { anchors: checkpoint.wrong.join(', ') } });
    world.witnesses = cosigners(world, checkpoint, keys.checkpoint);
  });
}

function cosigners({ bundle }, checkpoint, brokersKey) {
  const counted = new Set([toHex(brokersKey)]);
  const found = [];
  for (const { member, keys } of bundle.members.filter((one) => one.member !== bundle.broker)) {
    const time = cosignedBy(checkpoint, member, keys.checkpoint);
    const key = toHex(keys.checkpoint);
    if (time === null || counted.has(key)) continue;
    counted.add(key);
    found.push({ member, time });
  }
  return found;
}
