/**
 * What the checks of one bundle share: its parts, and what an earlier check established for a later one.
 *
 * The histories are laid out here: each record with its place, its entry, and the anchor under which it lies.
 */

import { fromHex, toHex } from './bytes.js';
import { DidKeys } from './didkeys.js';
import { Failed } from './failures.js';
import { entryOf, firstLabel, openCopy, readStub } from './record.js';
import { SUITES } from './suites.js';

export class World {
  constructor({ bundle, raw, bytes, trusts, pinned, least, held }) {
    Object.assign(this, { bundle, raw, bytes, trusts, pinned, least, held });
    this.suite = SUITES.get(bundle.suite);
    this.anchors = bundle.log.anchors;
    this.last = this.anchors.at(-1);
    this.clientKeys = new DidKeys(bundle.did);
    this.bySeq = new Map(this.anchors.map((anchor) => [anchor.seq, anchor]));
    this.byPlace = [...this.anchors].sort((a, b) => a.size_before - b.size_before || a.seq - b.seq);
    this.histories = [bundle.history, ...bundle.references].map((history, index) => this.layOut(history, index));
    this.items = this.histories.flatMap((history) => history.items);
    this.restored = new Set();
    this.witnesses = [];
    this.notes = [];
    this.proven = new Map();
  }

  layOut({ subject, records }, index) {
    const history = { subject: toHex(subject), subjectBytes: subject, isReference: index > 0, opening: null };
    history.items = records.map((record) => this.item(record, history));
    return history;
  }

  item({ record, log_index: logIndex, promise }, history) {
    const isErased = Object.hasOwn(record, 'erased');
    const item = { history, logIndex, promise, anchor: this.anchorOf(logIndex), opened: null, problem: null, isErased };
    try {
      if (isErased) return Object.assign(item, readStub(record));
      item.opened = openCopy(record);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      return Object.assign(item, { problem: error, seq: null });
    }
    const { seq, prev, next, fingerprint } = item.opened;
    return Object.assign(item, { seq, prev, next, fingerprint });
  }

  /** The anchor under which a place of the log lies, or null. */
  anchorOf(logIndex) {
    let [low, high] = [0, this.byPlace.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.byPlace[middle].size_before <= logIndex) low = middle + 1;
      else high = middle;
    }
    const anchor = this.byPlace[low - 1];
    return anchor !== undefined && logIndex < anchor.size_after ? anchor : null;
  }

  /** The anchor before one, where the bundle shows it, else null. */
  before(anchor) {
    return this.bySeq.get(anchor.seq - 1) ?? null;
  }

  /**
   * The anchor until when a key has to be in force that signed a record: its own, or the one before it where that is
   * shown; the one before that where the block of acceptance (`accepted`) lies before that one's block.
   */
  anchorOfUse(anchor, accepted) {
    const before = this.before(anchor);
    if (before === null) return anchor;
    const earlier = this.before(before);
    return earlier !== null && before.block > accepted ? earlier : before;
  }

  /** Key sets of the leaf of an anchor and of the one before it; `member-keys` opened them. */
  keySets(anchor) {
    return [anchor, this.before(anchor)]
      .filter((one) => one !== null)
      .map((one) => this.keysByDigest.get(toHex(one.keys_digest)));
  }

  /** Whether the broker signed with a signing key of this anchor's leaf or of the one before, under a suite. */
  isBrokersAt(anchor, suite, bytes, signature) {
    return this.keySets(anchor).some(
      (keys) => keys.algorithm === suite.algorithm && suite.verify(keys.signing, bytes, signature),
    );
  }

  entry(item) {
    return entryOf(item);
  }

  /** The label (bytes) of the record at a place of a history whose links were checked. */
  label(history, index) {
    return index === 0 ? firstLabel(this.bundle.broker, history.subjectBytes) : fromHex(history.items[index - 1].next);
  }
}

/** How a failure names a record. */
export function naming(item) {
  return { subject: item.history.subject.slice(0, 8), seq: item.seq ?? `#${item.history.items.indexOf(item) + 1}` };
}
