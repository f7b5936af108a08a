/** A verdict as sentences and rows, for the command line and the page alike. */

import { clock, say, why } from './words.js';

/** How far the answer reaches: sentences, the first the most important. */
export function reachOf(language, verdict) {
  const tell = (code, details) => say(language, code, details);
  const names = (list) => list.join(language === 'zh' ? '、' : ', ') || tell('page.nobody');
  const failing = (result) => names(
    verdict.checks.filter((check) => check.result === result && check.code !== 'rests-on').map(({ name }) => tell(`check.${name}`)),
  );
  if (verdict.kind === 'not-a-bundle') return [why(language, verdict.checks[0]), tell('not-asked')];
  const sentences = [];
  if (verdict.kind === 'failed') sentences.push(tell('refuted', { names: failing('failed') }));
  if (verdict.kind === 'could-not-check') sentences.push(tell('unreached', { names: failing('could-not-check') }));
  if (verdict.kind !== 'holds') return [...sentences, tell('not-asked')];
  sentences.push(tell('reach', { number: verdict.block.number, time: clock(verdict.block.time) }));
  sentences.push(tell('vouched', { names: names(verdict.signers) }));
  sentences.push(growth(language, verdict, names));
  sentences.push(tell(`opened.${verdict.opened.by}`, { client: verdict.opened.client }));
  sentences.push(tell('counts', verdict.counts));
  if (verdict.counts.restored > 0) sentences.push(tell('counts.restored', verdict.counts));
  sentences.push(verdict.pending > 0 ? tell('pending', { pending: verdict.pending }) : tell('no-pending'));
  sentences.push(...verdict.notes.map(({ code, details }) => tell(`note.${code}`, details)));
  return [...sentences, tell('not-asked')];
}

function growth(language, { witnesses, others }, names) {
  if (witnesses.length === 0) return say(language, 'growth.nobody');
  return say(language, 'growth', { count: witnesses.length, others, names: names(witnesses.map(({ member }) => member)) });
}

/** [{name, title, result, word, reason}] of the checks. */
export function checksOf(language, verdict) {
  return verdict.checks.map((check) => ({
    name: check.name,
    title: say(language, `check.${check.name}`),
    result: check.result,
    word: say(language, `result.${check.result}`),
    reason: check.result === 'holds' ? '' : why(language, check),
  }));
}

export function findingSentences(language, verdict) {
  return verdict.findings.map(({ code, seq }) => say(language, `finding.${code}`, { seq }));
}

/** Where and when a row of the timeline was anchored. */
export function anchoredOf(language, { anchor }) {
  if (anchor === null) return say(language, 'not-anchored-row');
  return say(language, 'anchored', { block: anchor.block, time: clock(anchor.time) });
}

/** What of a row is shown, and by whom it was signed beside. */
export function stateOf(language, row) {
  const words = [say(language, `state.${row.state}`)];
  if (row.isRestored) words.push(say(language, 'state.restored'));
  for (const { name, role } of row.staff) {
    words.push(name === null ? say(language, 'staff.unknown') : say(language, 'staff.signed', { name, role }));
  }
  return words;
}
