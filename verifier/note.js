/** Signed notes of C2SP: text, and lines of signatures of which the unknown ones are ignored. */

import { concat, equal, fromBase64, toHex, u8, u64, utf8 } from './bytes.js';
import { verifyEd25519 } from './ed25519.js';
import { sha256 } from './sha256.js';

export class BadNote extends Error {}

const LONGEST = 16_384;
const MOST_SIGNATURES = 64;
const ED25519 = 1;
const COSIGNATURE = 4;
const KEY_ID = 4;

/** Split a note into {text, signatures: [{name, id, value}]}; throws BadNote. */
export function readNote(note) {
  if (utf8(note).length > LONGEST) throw new BadNote('longer than a note may be');
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(note)) throw new BadNote('a control character');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new BadNote('no text and signatures');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) throw new BadNote('too many signatures');
  return { text: note.slice(0, split + 1), signatures: lines.map(readLine) };
}

/** The key id of a name and an Ed25519 key; cosignatures have an algorithm byte of their own. */
export function keyId(name, key, algorithm = ED25519) {
  return sha256(utf8(name), u8(10), u8(algorithm), key).subarray(0, KEY_ID);
}

/** Whether the note bears the signature of this key. A bad one of this very key throws BadNote. */
export function isSigned(note, name, key) {
  return valuesOf(note, name, key, ED25519).map((value) => {
    if (!verifyEd25519(key, utf8(note.text), value)) throw new BadNote(`a bad signature of ${name}`);
    return true;
  }).length > 0;
}

/** The time (seconds) at which a witness cosigned, or null where it did not. A bad cosignature throws BadNote. */
export function cosignedAt(note, name, key) {
  const times = valuesOf(note, name, key, COSIGNATURE).map((value) => {
    if (value.length !== 72) throw new BadNote(`a bad cosignature of ${name}`);
    const time = Number(BigInt(`0x${toHex(value.subarray(0, 8))}`));
    if (!Number.isSafeInteger(time)) throw new BadNote(`a bad cosignature of ${name}`);
    const signed = utf8(`cosignature/v1\ntime ${time}\n${note.text}`);
    if (!equal(u64(time), value.subarray(0, 8)) || !verifyEd25519(key, signed, value.subarray(8))) {
      throw new BadNote(`a bad cosignature of ${name}`);
    }
    return time;
  });
  return times.length > 0 ? Math.max(...times) : null;
}

function valuesOf(note, name, key, algorithm) {
  const id = keyId(name, key, algorithm);
  return note.signatures.filter((line) => line.name === name && equal(line.id, id)).map((line) => line.value);
}

function readLine(line) {
  const parts = /^\u2014 ([^ +]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
  if (parts === null) throw new BadNote('no line of a signature');
  let bytes;
  try {
    bytes = fromBase64(parts[2]);
  } catch {
    throw new BadNote('no line of a signature');
  }
  if (bytes.length <= KEY_ID) throw new BadNote('no line of a signature');
  return { name: parts[1], id: bytes.subarray(0, KEY_ID), value: concat(bytes.subarray(KEY_ID)) };
}
