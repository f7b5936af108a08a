/** Persons of a broker's staff: when two names are one person's, and how a key is written as a DID (staff.md). */

import { concat } from './bytes.js';

/** Two names are one person's when their folded forms are equal. */
export function foldName(name) {
  const shown = caseFold(name.normalize('NFKC')).replace(/[\p{Default_Ignorable_Code_Point}\u2800]/gu, '');
  return shown.normalize('NFKC').split(/[\s\u001c-\u001f\u0085]+/u).filter((word) => word !== '').join(' ');
}

/** Full case folding of Unicode, by the two mappings that the platform has, and the two letters where these differ. */
function caseFold(text) {
  return [...text].map((letter) => {
    if (letter === '\u0131') return letter;
    if (letter === '\u1e9e') return 'ss';
    return [...letter.toUpperCase()].map((upper) => upper.toLowerCase()).join('');
  }).join('');
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** The did:key of an Ed25519 key. */
export function didKey(key) {
  const bytes = concat(Uint8Array.of(0xed, 0x01), key);
  let number = bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
  let text = '';
  while (number > 0n) {
    text = ALPHABET[Number(number % 58n)] + text;
    number /= 58n;
  }
  return `did:key:z${text}`;
}

/** Whether a text means a did:key in any spelling: percent-decoded, trimmed, in lower case. */
export function meansDidKey(text) {
  let decoded = text;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    decoded = text.replace(/%([0-7][0-9a-fA-F])/g, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  }
  return decoded.trim().toLowerCase().startsWith('did:key:');
}
