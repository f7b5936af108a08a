/** What the times of anchors say against the broker and refutes nothing (version 1, section 12.1, as far as format 2 shows it). */

import { millisecondsOf } from './shapes.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CLOCKS_DIFFER = 5 * MINUTE;

/** [{code, subject, seq}] */
export function findingsOf(world) {
  const shown = world.items.filter((item) => item.opened !== null && item.anchor !== null);
  return shown.flatMap((item) =>
    codesOf(item).map((code) => ({ code, subject: item.history.subject, seq: item.seq })),
  );
}

function codesOf({ opened, anchor, promise }) {
  const { occurred_at: occurred, recorded_at: recorded } = opened.envelope;
  const anchored = anchor.time * 1000;
  const codes = [];
  if (promise !== null && anchored > millisecondsOf(promise.anchor_by)) codes.push('PROMISE_LATE');
  if (anchored > millisecondsOf(recorded) + DAY || anchored > millisecondsOf(occurred) + 2 * DAY) codes.push('ANCHORED_LATE');
  if (millisecondsOf(recorded) > anchored + CLOCKS_DIFFER) codes.push('TIMES_CONTRADICT');
  return codes;
}
