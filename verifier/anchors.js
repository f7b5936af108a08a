/** The leaves of a broker's log, as the contract makes them (sections 5.2 and 5.3). */

import { concat, u64, u8 } from './bytes.js';

/** 125 bytes: what the log continues. */
export function openingBytes(opening) {
  return concat(
    u8(0), u64(1), opening.former, u64(opening.former_seq), opening.former_root, u64(opening.former_size),
    opening.former_map_root, u64(opening.block), u64(opening.time),
  );
}

/** 145 bytes: one anchor. */
export function anchorBytes(anchor) {
  return concat(
    u8(1), u64(anchor.seq), anchor.batch_root, u64(anchor.size_before), u64(anchor.size_after), anchor.map_root,
    u64(anchor.block), u64(anchor.time), anchor.keys_digest, u64(anchor.key_version),
  );
}
