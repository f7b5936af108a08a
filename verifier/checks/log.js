/** Checks of what the log holds: promises, inclusion, completeness, the bundle's signature (14 to 17), held promises (20). */

import { equal, fromHex, toHex } from '../bytes.js';
import { canonical, canonicalText } from '../canonical.js';
import { CouldNotCheck, Failed, within } from '../failures.js';
import { rootByLookup } from '../map.js';
import { leafHash, rootByMultiproof } from '../merkle.js';
import { batchBytes, bodyOf, hasTerm, rootOfBody } from '../promise.js';
import { millisecondsOf } from '../shapes.js';
import { SUITES } from '../suites.js';
import { naming } from '../world.js';

/** 14. Every promise is of its record and signed; only an erased record has none. */
export function promise(world) {
  const signed = new Map();
  for (const history of world.histories) {
    history.items.forEach((item, index) => {
      if (item.isErased) {
        if (item.promise !== null) throw new Failed('promise-of-erased', naming(item));
        return;
      }
      if (item.promise === null) throw new Failed('promise-missing', naming(item));
      checkPromise(world, item, bodyOf(item, world.label(history, index), world.entry(item)), signed);
    });
  }
  const used = new Set(world.items.flatMap((item) => (item.promise === null ? [] : [item.promise.batch])));
  if (used.size !== world.bundle.promises.length) throw new Failed('promise-unused');
}

/** `signed` keeps what is known of a request's one signature, by request, suite and anchor. */
function checkPromise(world, item, body, signed) {
  const batch = world.bundle.promises[item.promise.batch];
  if (batch === undefined || item.anchor === null) throw new Failed('promise-missing', naming(item));
  if (!hasTerm(body)) throw new Failed('promise-term', naming(item));
  const { index, path } = item.promise;
  const root = within('promise-path', naming(item), () => rootOfBody(body, { index, count: batch.count, path }));
  if (!equal(root, batch.root) || batch.block !== body.block) throw new Failed('promise-path', { ...naming(item), reason: '' });
  const name = `${item.promise.batch} ${body.suite} ${item.anchor.seq}`;
  if (!signed.has(name)) {
    const bytes = batchBytes(body, batch.count, batch.root);
    signed.set(name, world.isBrokersAt(item.anchor, SUITES.get(body.suite), bytes, batch.value));
  }
  if (!signed.get(name)) throw new Failed('promise-signature', naming(item));
}

/** 15. Every entry is in its batch at its place; places grow within a history. */
export function inclusion(world) {
  const entries = new Map(world.anchors.map((anchor) => [anchor.seq, new Map()]));
  for (const history of world.histories) {
    history.items.forEach((item, index) => {
      if (item.anchor === null) throw new Failed('not-anchored', naming(item));
      if (index > 0 && item.logIndex <= history.items[index - 1].logIndex) throw new Failed('place', naming(item));
      if (world.wrong?.has(item.anchor.seq)) throw new Failed('anchor-wrong', { ...naming(item), anchor: item.anchor.seq });
      const batch = entries.get(item.anchor.seq);
      const place = item.logIndex - item.anchor.size_before;
      if (batch.has(place)) throw new Failed('place', naming(item));
      batch.set(place, leafHash(world.entry(item)));
    });
  }
  for (const anchor of world.anchors) checkBatch(anchor, entries.get(anchor.seq));
}

function checkBatch(anchor, leaves) {
  const place = { anchor: anchor.seq };
  if (leaves.size === 0) {
    if (anchor.batch.length > 0) throw new Failed('batch', { ...place, reason: 'a proof of no entry' });
    return;
  }
  const size = anchor.size_after - anchor.size_before;
  const root = within('batch', place, () => rootByMultiproof(leaves, size, anchor.batch));
  if (!equal(root, anchor.batch_root)) throw new Failed('batch', { ...place, reason: '' });
}

/** 16. The map of the last anchor holds every record of each history under its label, and no next one. */
export function subjectCompleteness(world) {
  const wanted = new Map();
  const want = (label, entry, history) => {
    if (wanted.has(toHex(label))) throw new Failed('label-twice', { subject: history.subject.slice(0, 8) });
    wanted.set(toHex(label), [label, entry]);
  };
  for (const history of world.histories) {
    history.items.forEach((item, index) => want(world.label(history, index), world.entry(item), history));
    want(fromHex(history.items.at(-1).next), null, history);
  }
  const { walk, hashes } = world.bundle.map;
  const root = within('map', {}, () => rootByLookup([...wanted.values()], walk, hashes));
  if (!equal(root, world.last.map_root)) throw new Failed('map', { reason: '' });
}

/** 17. The broker signed the whole bundle, by the signing key of the last anchor's leaf. */
export function bundleSignature(world) {
  const { bundle, raw, suite, last } = world;
  const { value } = bundle.signature;
  const { signature: _, ...signed } = raw;
  const keys = world.keysByDigest.get(toHex(last.keys_digest));
  if (keys.algorithm !== suite.algorithm || !suite.verify(keys.signing, canonical(signed), value)) throw new Failed('bundle-signature');
}

/** 20. Each promise that is held is that of a record of the bundle, or is not due. */
export function heldPromises(world) {
  let others = 0;
  let outOfReach = null;
  for (const held of world.held) {
    if (held.body.broker !== world.bundle.broker) {
      others += 1;
      continue;
    }
    if (!isSigned(world, held)) {
      outOfReach ??= new CouldNotCheck('held-key', heldName(held));
      continue;
    }
    if (!isOfARecord(world, held) && !isNotDue(world, held)) throw new Failed('held-broken', heldName(held));
  }
  if (others > 0) world.notes.push({ code: 'held-of-others', details: { count: others } });
  if (outOfReach !== null) throw outOfReach;
}

function isSigned(world, { body, batch, signature, suite }) {
  let root;
  try {
    root = rootOfBody(body, batch);
  } catch {
    return false;
  }
  const bytes = batchBytes(body, batch.count, root);
  return world.bundle.keys.some(
    (keys) => keys.algorithm === suite.algorithm && suite.verify(keys.signing, bytes, signature.value),
  );
}

function isOfARecord(world, { body }) {
  return world.histories.some((history) => history.items.some((item, index) => {
    if (item.fingerprint !== body.fingerprint || history.subject !== body.subject) return false;
    if (item.isErased) return item.seq === body.seq && item.logIndex === body.log_index;
    return canonicalText(bodyOf(item, world.label(history, index), world.entry(item))) === canonicalText(body);
  }));
}

function isNotDue(world, { body }) {
  const known = world.histories.some((history) => history.subject === body.subject);
  return known && body.log_index >= world.last.size_after && millisecondsOf(body.anchor_by) >= world.header.time * 1000;
}

function heldName({ body }) {
  return { subject: body.subject.slice(0, 8), seq: body.seq };
}
