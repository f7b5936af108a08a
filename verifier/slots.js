/** Where the contracts keep what is proved (section 9.2). Slots are 32 bytes. */

import { concat, u256 } from './bytes.js';
import { keccak, leftPadded } from './keccak.js';

export const DIRECTORY_HEAD = u256(0);
export const ACTIVE_COUNT = u256(5);
export const ACTIVE_MEMBERS = u256(6);

/** The head of a broker's log in `EvidenceLog`. */
export function logHead(broker) {
  return mapping(broker, 0);
}

/** The head of a DID's history in `DidRegistry`. */
export function didHead(identity) {
  return following(mapping(identity, 2));
}

/** map(k, n) = keccak-256(k left-padded to 32 bytes || u256 n) */
function mapping(key, slot) {
  return keccak(leftPadded(key), u256(slot));
}

function following(slot) {
  const next = slot.slice();
  for (let at = next.length - 1; at >= 0; at--) {
    next[at] = (next[at] + 1) & 255;
    if (next[at] !== 0) break;
  }
  return concat(next);
}
