#!/usr/bin/env node
/**
 * Verify a bundle on the command line.
 *
 *     node verifier/cli.js bundle.json.gz --trust trust.json --trust-key HEX [--trust ... --trust-key ...]
 *                          [--at-least-block N] [--promises FILE] [--lang zh|en] [--json] [--stream]
 *
 * Each file may be packed (gzip) or not. Exit status: 0 it holds, 1 a check failed, 2 no bundle, could not be checked, or asked wrongly. `--stream` reads one
 * request a line on standard input and answers one line each (`stream.js`).
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { verifyFiles } from './files.js';
import { anchoredOf, checksOf, findingSentences, reachOf, stateOf } from './report.js';
import { answerLines } from './stream.js';
import { HOLDS, FAILED } from './verify.js';
import { LANGUAGES, plain, say } from './words.js';

const OPTIONS = {
  trust: { type: 'string', multiple: true, default: [] },
  'trust-key': { type: 'string', multiple: true, default: [] },
  'at-least-block': { type: 'string' },
  promises: { type: 'string' },
  lang: { type: 'string' },
  json: { type: 'boolean', default: false },
  stream: { type: 'boolean', default: false },
};
const STATUS = { [HOLDS]: 0, [FAILED]: 1 };
const ASKED_WRONGLY = 2;

async function main(argv) {
  const { values, positionals } = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
  if (values.stream) {
    await answerLines(process.stdin, process.stdout);
    return 0;
  }
  const language = values.lang ?? languageOf(process.env.LANG);
  if (positionals.length !== 1 || values.trust.length === 0 || values['trust-key'].length === 0 || !LANGUAGES.includes(language)) {
    throw new Error('usage: cli.js BUNDLE --trust FILE --trust-key HEX [--at-least-block N] [--promises FILE] [--lang zh|en] [--json]');
  }
  const { verdict } = await verifyFiles({
    bundle: bytesOf(positionals[0]),
    trusts: values.trust.map(bytesOf),
    pinned: values['trust-key'].map(keyOf),
    least: values['at-least-block'] === undefined ? null : blockOf(values['at-least-block']),
    promises: values.promises === undefined ? null : bytesOf(values.promises),
  });
  process.stdout.write(values.json ? `${JSON.stringify(verdict)}\n` : `${report(language, verdict).join('\n')}\n`);
  return STATUS[verdict.kind] ?? ASKED_WRONGLY;
}

function report(language, verdict) {
  const lines = [say(language, `kind.${verdict.kind}`), ...reachOf(language, verdict).map((line) => `  ${line}`), ''];
  for (const { title, name, word, reason } of checksOf(language, verdict)) {
    lines.push(`  ${word}  ${title} (${name})${reason === '' ? '' : `: ${reason}`}`);
  }
  const findings = findingSentences(language, verdict);
  if (findings.length > 0) lines.push('', say(language, 'page.findings'), ...findings.map((line) => `  ${line}`));
  if (verdict.timeline !== undefined) lines.push('', ...verdict.timeline.map((row) => `  ${rowLine(language, row)}`));
  return lines;
}

function rowLine(language, row) {
  const parts = [row.occurred ?? '', row.type ?? '', anchoredOf(language, row), ...stateOf(language, row)];
  const place = row.isReference ? `${row.subject.slice(0, 8)} ${row.seq}` : `${row.seq}`;
  return [place, ...parts.filter((part) => part !== '')].map((part) => plain(part)).join(' | ');
}

function bytesOf(path) {
  return new Uint8Array(readFileSync(path));
}

function keyOf(text) {
  if (!/^[0-9a-fA-F]+$/.test(text)) throw new Error('--trust-key is a key in hex');
  return text.toLowerCase();
}

function blockOf(text) {
  const block = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(block)) throw new Error('--at-least-block is the number of a block');
  return block;
}

function languageOf(locale = '') {
  return locale.startsWith('zh') ? 'zh' : 'en';
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${plain(error.message)}\n`);
  process.exitCode = ASKED_WRONGLY;
}
