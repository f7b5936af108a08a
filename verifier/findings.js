/** What speaks against the broker and refutes nothing: late anchors (section 13.1), and an erasure that fewer than two signed. */

import { millisecondsOf } from './shapes.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CLOCKS_DIFFER = 5 * MINUTE;
const SIGNERS_OF_AN_ERASE = 2;

/** [{code, subject, seq}] */
export function findingsOf(world) {
  const shown = world.items.filter((item) => item.opened !== null && item.anchor !== null);
  return shown.flatMap((item) =>
    [...codesOf(item), ...persons(world, item)].map((code) => ({ code, subject: item.history.subject, seq: item.seq })),
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

/** An ERASE bears the signatures of two persons of the staff, whose enrolment is shown. */
function persons(world, item) {
  if (item.opened.envelope.type !== 'ERASE') return [];
  const signers = (world.proven.get(item) ?? []).filter(({ name }) => name !== null);
  return signers.length < SIGNERS_OF_AN_ERASE ? ['SECOND_PERSON_MISSING'] : [];
}
