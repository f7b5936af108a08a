/** The records of a bundle as a person reads them: when, what, where, when anchored, and how much of it is shown. */

/**
 * @returns {timeline: [row], counts: {records, whole, redacted, hidden, erased, restored}}
 * row: {subject, isReference, seq, type, occurred, recorded, channel, actor, anchor: {seq, block, time} or null, state, fields, staff}
 */
export function timelineOf(world) {
  const timeline = world.items.map((item) => rowOf(world, item));
  const counted = (state) => timeline.filter((row) => row.state === state).length;
  return {
    timeline,
    counts: {
      records: timeline.length, whole: counted('whole'), redacted: counted('redacted'), hidden: counted('hidden'),
      erased: counted('erased'), restored: world.restored.size,
    },
  };
}

function rowOf(world, item) {
  const { history, opened, anchor } = item;
  const envelope = opened?.envelope;
  return {
    subject: history.subject,
    isReference: history.isReference,
    seq: item.seq ?? history.items.indexOf(item) + 1,
    type: envelope?.type ?? null,
    occurred: envelope?.occurred_at ?? null,
    recorded: envelope?.recorded_at ?? null,
    channel: envelope?.channel ?? null,
    actor: envelope?.actor ?? null,
    anchor: anchor === null ? null : { seq: anchor.seq, block: anchor.block, time: anchor.time },
    state: stateOf(item),
    isRestored: world.restored.has(item),
    fields: opened?.shown ?? {},
    staff: world.proven.get(item) ?? [],
  };
}

/** whole, redacted (some fields), hidden (no field of several), erased, or broken (it does not open). */
function stateOf({ isErased, opened }) {
  if (isErased) return 'erased';
  if (opened === null) return 'broken';
  const held = Object.keys(opened.envelope.fields).length;
  const shown = Object.keys(opened.shown).length;
  if (shown === held) return 'whole';
  return shown === 0 ? 'hidden' : 'redacted';
}
