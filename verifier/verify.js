/**
 * Verification of a bundle of format 2: the checks of section 13, in their order, each by its name.
 *
 * Input are bytes; nothing else is read. No check throws: its result says holds, failed or could not check, with a code of
 * words.js. A check that needs what a failed one would have established fails too, and says so.
 */

import { toHex } from './bytes.js';
import { canonicalText } from './canonical.js';
import { readBundle } from './bundle.js';
import * as chain from './checks/chain.js';
import { erasure } from './checks/erasure.js';
import * as log from './checks/log.js';
import * as records from './checks/records.js';
import { staffSignature } from './checks/staff.js';
import { CouldNotCheck, Failed, NotABundle } from './failures.js';
import { findingsOf } from './findings.js';
import { NotJson, readJson } from './json.js';
import { readPromise } from './promise.js';
import { timelineOf } from './timeline.js';
import { readTrust } from './trust.js';
import { World } from './world.js';

export const HOLDS = 'holds';
export const FAILED = 'failed';
export const UNKNOWN = 'could-not-check';
export const NO_BUNDLE = 'not-a-bundle';

/** Name, what it needs beside `structure`, what it does. */
const CHECKS = [
  ['canonical-form', [], canonicalForm],
  ['trust', [], chain.trust],
  ['state-proof', ['trust'], chain.stateProof],
  ['directory', ['state-proof'], chain.directory],
  ['log-head', ['state-proof'], chain.logHeadCheck],
  ['member-keys', ['log-head'], chain.memberKeys],
  ['checkpoint-signature', ['member-keys'], chain.checkpointSignature],
  ['fingerprint', [], records.fingerprint],
  ['subject-chain', ['fingerprint'], records.subjectChain],
  ['opening', ['subject-chain', 'member-keys'], records.opening],
  ['client-keys', ['state-proof'], records.clientKeys],
  ['client-signature', ['opening', 'client-keys'], records.clientSignature],
  ['promise', ['subject-chain', 'member-keys'], log.promise],
  ['inclusion', ['fingerprint', 'checkpoint-signature'], log.inclusion],
  ['subject-completeness', ['subject-chain', 'log-head'], log.subjectCompleteness],
  ['bundle-signature', ['member-keys'], log.bundleSignature],
  ['staff-signature', ['opening'], staffSignature],
  ['erasure', ['subject-chain', 'log-head'], erasure],
];
const HELD = ['held-promises', ['promise', 'trust', 'subject-completeness'], log.heldPromises];

/** The names of the checks, in their order. */
export const NAMES = ['structure', ...CHECKS.map(([name]) => name), HELD[0]];

/**
 * Verify a bundle.
 *
 * @param input {bundle: bytes, trusts: [bytes], pinned: [hex of a signer's key], least: block or null, promises: [bytes] or null}
 * @returns the verdict: {kind, checks: [{name, result, code, details}], ...} as `verdictOf` and `timeline.js` say
 */
export function verify({ bundle: bytes, trusts, pinned, least = null, promises = null }) {
  let world;
  try {
    world = read({ bytes, trusts, pinned, least, promises });
  } catch (error) {
    if (!(error instanceof NotABundle)) throw error;
    return noBundle(error);
  }
  const results = new Map([['structure', outcome(() => chain.structure(world))]]);
  for (const [name, needs, check] of promises === null ? CHECKS : [...CHECKS, HELD]) {
    results.set(name, step(results, ['structure', ...needs], () => check(world)));
  }
  return verdictOf(world, results);
}

/** The verdict of what is no bundle, or no trust file. */
export function noBundle({ code, details }) {
  return { kind: NO_BUNDLE, checks: [{ name: 'structure', result: FAILED, code, details }], findings: [] };
}

function read({ bytes, trusts, pinned, least, promises }) {
  const raw = json(bytes, 'bundle');
  return new World({
    bundle: readBundle(raw), raw, bytes, trusts: trusts.map(readTrust), pinned, least,
    held: promises === null ? null : promises.map((promise) => readPromise(json(promise, 'promise'))),
  });
}

function json(bytes, place) {
  try {
    return readJson(bytes);
  } catch (error) {
    if (error instanceof NotJson) throw new NotABundle(place, error.message);
    throw error;
  }
}

/** 2. The bytes are the one spelling of what they hold. */
function canonicalForm({ raw, bytes }) {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  if (canonicalText(raw) !== text) throw new Failed('canonical-form');
}

function step(results, needs, check) {
  const missing = needs.find((name) => results.get(name).result !== HOLDS);
  if (missing === undefined) return outcome(check);
  const { result } = results.get(missing);
  return { result, code: 'rests-on', details: { check: missing } };
}

function outcome(check) {
  try {
    check();
    return { result: HOLDS };
  } catch (error) {
    if (error instanceof CouldNotCheck) return { result: UNKNOWN, code: error.code, details: error.details };
    if (error instanceof Failed) return { result: FAILED, code: error.code, details: error.details };
    throw error;
  }
}

/**
 * The verdict: what was found, and how far it reaches.
 *
 * kind: holds, failed, could-not-check. block {number, time}, signers (who vouched for it), witnesses [{member, time}] of
 * `others` members, openings, timeline, findings, notes, pending.
 */
function verdictOf(world, results) {
  const checks = [...results].map(([name, { result, code = null, details = {} }]) => ({ name, result, code, details }));
  const kind = [FAILED, UNKNOWN].find((one) => checks.some(({ result }) => result === one)) ?? HOLDS;
  const { bundle, last } = world;
  return {
    kind,
    checks,
    suite: bundle.suite,
    broker: bundle.broker,
    client: bundle.client,
    case: bundle.case,
    made: bundle.made_at,
    block: world.header === undefined ? null : { number: world.header.number, time: world.header.time, hash: toHex(world.header.hash) },
    anchor: { seq: last.seq, block: last.block, time: last.time },
    signers: world.signers ?? [],
    witnesses: world.witnesses,
    others: othersOf(world),
    opened: results.get('opening').result === HOLDS ? openedBy(world.histories[0]) : null,
    ...timelineOf(world),
    findings: kind === FAILED ? [] : findingsOf(world),
    notes: world.notes,
    pending: bundle.pending,
  };
}

/** How many members beside the broker are active at the block, or null. */
function othersOf({ activeCount, bundle }) {
  if (activeCount === undefined) return null;
  return bundle.members.some(({ member }) => member === bundle.broker) ? activeCount - 1 : activeCount;
}

function openedBy({ opening, client, openedLate }) {
  if (openedLate) return { by: 'broker-then-client', kind: opening.kind, client };
  if (opening.kind === 'client') return { by: 'client', kind: opening.kind, client };
  return { by: 'broker', kind: opening.kind, client: null };
}
