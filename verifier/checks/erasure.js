/** 19. What was erased was erased after its rule's clock, which runs from the anchor of the erased record (section 2.2). */

import { Failed } from '../failures.js';
import { naming } from '../world.js';

/** Clocks by rule, in milliseconds. */
export const CLOCKS = new Map([['retention-20-years', 7_305 * 24 * 60 * 60 * 1000]]);

export function erasure(world) {
  for (const item of world.items.filter((one) => one.isErased)) {
    if (item.anchor === null) throw new Failed('not-anchored', naming(item));
    const reasons = item.history.erases.get(item.seq);
    for (const { erase, rule } of reasons) {
      if (!CLOCKS.has(rule)) throw new Failed('erasure-rule', { ...naming(item), rule });
      if (erase.anchor === null) throw new Failed('not-anchored', naming(erase));
    }
    const isOver = reasons.every(({ erase, rule }) => (erase.anchor.time - item.anchor.time) * 1000 >= CLOCKS.get(rule));
    if (!isOver) throw new Failed('erasure-early', naming(item));
  }
}
