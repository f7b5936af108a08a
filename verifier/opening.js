/** Openings: what a subject is, and who says so (section 4). */

import { toHex, utf8 } from './bytes.js';
import { Failed, NotABundle } from './failures.js';
import { taggedSha256 } from './record.js';
import { did, hash, is, nullable, objectOf, oneOf, text, textOf, whole } from './shapes.js';

export const OPENING = 'OPENING';

const OPENS = {
  client: did,
  'unsigned-client': is(null),
  product: textOf(1, 60),
  house: (value, place) => text(/^[a-z]+(?:-[a-z]+)*:[A-Za-z0-9._:/@-]+$/, 'house')(textOf(1, 200)(value, place), place),
};

const FIELDS = objectOf({
  kind: oneOf(...Object.keys(OPENS)),
  opens: (value) => value,
  continues: nullable(objectOf({ format: oneOf(1, 2), subject: hash, count: whole(1), head: hash })),
});

/** Return {kind, opens, continues} of an opened OPENING; all of its fields are shown. */
export function readOpening(opened) {
  if (Object.keys(opened.envelope.fields).length !== Object.keys(opened.shown).length) throw new Failed('opening-redacted');
  try {
    const opening = FIELDS(opened.shown, 'fields');
    OPENS[opening.kind](opening.opens, 'fields.opens');
    return opening;
  } catch (error) {
    if (error instanceof NotABundle) throw new Failed('opening-shape', { reason: `${error.details.place}: ${error.details.rule}` });
    throw error;
  }
}

/** The pseudonym (hex) that a subject of this kind must have, or null where it is random. */
export function derivedSubject(broker, { kind, opens }) {
  if (kind === 'product') return toHex(taggedSha256('bonafides/product-subject/1', utf8(broker), utf8(opens)));
  if (kind !== 'house') return null;
  const staff = /^staff:([0-9a-f]{64})$/.exec(opens);
  if (staff !== null) return staffSubject(broker, staff[1]);
  return toHex(taggedSha256('bonafides/house-subject/2', utf8(broker), utf8(opens)));
}

/** The subject that stands for a key of the staff (staff.md), both in hex. */
export function staffSubject(broker, key) {
  const bytes = Uint8Array.from(key.match(/../g), (pair) => parseInt(pair, 16));
  return toHex(taggedSha256('bonafides/staff-subject/1', utf8(broker), bytes));
}
