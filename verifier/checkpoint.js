/** A checkpoint of the tree of anchors, its extension lines, and the cosignatures of witnesses (sections 5.4 and 8.3). */

import { fromBase64 } from './bytes.js';
import { BadNote, cosignedAt, isSigned, readNote } from './note.js';

const NUMBER = '(?:0|[1-9][0-9]{0,15})';
const TEXT = new RegExp(
  `^([^\\n]+)\\n(${NUMBER})\\n([A-Za-z0-9+/]{43}=)\\nmap ([A-Za-z0-9+/]{43}=) (${NUMBER})\\n((?:wrong ${NUMBER}\\n)*)$`,
);
const MOST_WRONG = 256;

/** Return {origin, seq, root, mapRoot, size, wrong, note}; throws BadNote. */
export function readCheckpoint(text) {
  const note = readNote(text);
  const parts = TEXT.exec(note.text);
  if (parts === null) throw new BadNote('not the lines of a checkpoint');
  const wrong = [...parts[6].matchAll(/wrong (\d+)\n/g)].map((line) => number(line[1]));
  const seq = number(parts[2]);
  if (wrong.length > MOST_WRONG) throw new BadNote('too many wrong anchors');
  if (wrong.some((place, index) => place < 2 || place >= seq || (index > 0 && place <= wrong[index - 1]))) {
    throw new BadNote('wrong anchors ascend, from 2 to the one before the last');
  }
  return {
    origin: parts[1], seq, root: hash(parts[3]), mapRoot: hash(parts[4]), size: number(parts[5]), wrong, note,
  };
}

export function originOf(broker) {
  return `${broker}/log/2`;
}

/** Whether the broker's checkpoint key signed. */
export function isSignedByBroker(checkpoint, broker, key) {
  return isSigned(checkpoint.note, originOf(broker), key);
}

/** When a witness cosigned (seconds), or null. */
export function cosignedBy(checkpoint, witness, key) {
  return cosignedAt(checkpoint.note, `${witness}/witness/2`, key);
}

function number(digits) {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw new BadNote('a number beyond 2^53 - 1');
  return value;
}

function hash(text) {
  try {
    return fromBase64(text);
  } catch {
    throw new BadNote('no hash');
  }
}
