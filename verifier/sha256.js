/** SHA-256, and the tags of this project's formats. */

import { sha256 as noble } from '@noble/hashes/sha2.js';
import { concat, u8, utf8 } from './bytes.js';

export function sha256(...parts) {
  return noble(concat(...parts));
}

/** tag(t): its length in one byte, and t in ASCII. */
export function tag(text) {
  const bytes = utf8(text);
  return concat(u8(bytes.length), bytes);
}
