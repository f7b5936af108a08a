/** The page: files in, a verdict out. Everything that a file says reaches the document as text, never as markup. */

import { canonicalText } from '../canonical.js';
import { Failed } from '../failures.js';
import { verifyFiles } from '../files.js';
import { anchoredOf, checksOf, findingSentences, reachOf, stateOf } from '../report.js';
import { LANGUAGES, plain, say, why } from '../words.js';

const KINDS = ['bundle', 'trust', 'promises'];
const SIGNS = { holds: '✓', failed: '✗', 'could-not-check': '?' };
const NAMES_OF_LANGUAGES = { zh: '中文', en: 'English' };

const state = {
  language: navigator.language.startsWith('zh') ? 'zh' : 'en',
  files: { bundle: [], trust: [], promises: [] },
  verdict: null,
  digest: null,
};

const byId = (id) => document.getElementById(id);
const tell = (code, details) => say(state.language, code, details);

/** An element with a class and children; text is text. */
function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className !== '') element.className = className;
  element.append(...children);
  return element;
}

function show() {
  document.documentElement.lang = state.language === 'zh' ? 'zh-CN' : 'en';
  document.title = tell('page.title');
  for (const element of document.querySelectorAll('[data-say]')) element.textContent = tell(element.dataset.say);
  byId('languages').replaceChildren(...LANGUAGES.map(languageButton));
  for (const kind of KINDS) showFiles(kind);
  showVerdict();
}

function languageButton(language) {
  const button = make('button', '', NAMES_OF_LANGUAGES[language]);
  button.type = 'button';
  button.lang = language;
  button.setAttribute('aria-pressed', String(language === state.language));
  button.addEventListener('click', () => {
    state.language = language;
    show();
  });
  return button;
}

function showFiles(kind) {
  const label = document.querySelector(`[data-kind="${kind}"]`);
  const names = state.files[kind].map((file) => plain(file.name)).join(', ');
  label.classList.toggle('filled', names !== '');
  label.querySelector('em').textContent = names === '' ? tell('page.drop') : tell('page.chosen', { names });
}

function take(kind, files) {
  state.files[kind] = [...files];
  showFiles(kind);
}

function listen() {
  for (const kind of KINDS) {
    const label = document.querySelector(`[data-kind="${kind}"]`);
    byId(kind).addEventListener('change', (event) => take(kind, event.target.files));
    label.addEventListener('dragover', () => label.classList.add('over'));
    label.addEventListener('dragleave', () => label.classList.remove('over'));
    label.addEventListener('drop', (event) => {
      label.classList.remove('over');
      take(kind, event.dataTransfer.files);
    });
  }
  // A file that is dropped beside the fields would otherwise replace the page.
  for (const name of ['dragover', 'drop']) document.addEventListener(name, (event) => event.preventDefault());
  byId('asked').addEventListener('submit', (event) => {
    event.preventDefault();
    check();
  });
}

async function check() {
  const status = byId('status');
  const pinned = byId('keys').value.split(/\s+/).filter((key) => key !== '').map((key) => key.toLowerCase());
  const least = byId('least').value.trim();
  const problem = problemOf(pinned, least);
  if (problem !== null) {
    status.textContent = tell(problem);
    return;
  }
  status.textContent = tell('page.working');
  await new Promise((resolve) => setTimeout(resolve)); // let the word be seen before the work
  try {
    const [bundle] = await bytesOf('bundle');
    const [promises] = await bytesOf('promises');
    const { verdict, digest } = await verifyFiles({
      bundle, trusts: await bytesOf('trust'), pinned, least: least === '' ? null : Number(least), promises: promises ?? null,
    });
    Object.assign(state, { verdict, digest });
    status.textContent = '';
  } catch (error) {
    state.verdict = null;
    status.textContent = error instanceof Failed ? why(state.language, error) : plain(String(error));
  }
  showVerdict();
  byId('verdict').focus();
}

function problemOf(pinned, least) {
  if (state.files.bundle.length === 0 || state.files.trust.length === 0 || pinned.length === 0) return 'page.missing';
  if (!pinned.every((key) => /^(?:[0-9a-f]{2})+$/.test(key))) return 'page.key.bad';
  return least === '' || (/^[0-9]+$/.test(least) && Number.isSafeInteger(Number(least))) ? null : 'page.least.bad';
}

function bytesOf(kind) {
  return Promise.all(state.files[kind].map(async (file) => new Uint8Array(await file.arrayBuffer())));
}

function showVerdict() {
  const { verdict, language } = state;
  const section = byId('verdict');
  section.hidden = verdict === null;
  if (verdict === null) return;
  section.className = verdict.kind;
  section.replaceChildren(
    make('div', 'answer', tell(`kind.${verdict.kind}`)),
    make('h2', '', tell('page.reach')),
    make('ul', 'reach', ...reachOf(language, verdict).map((line) => make('li', '', line))),
    facts(verdict),
    ...findings(verdict),
    make('h2', '', tell('page.checks')),
    make('ol', 'checks', ...checksOf(language, verdict).map(checkItem)),
    ...records(verdict),
  );
}

function facts(verdict) {
  const list = make('dl', '');
  const add = (title, ...value) => list.append(make('dt', '', title), make('dd', '', ...value));
  if (verdict.broker !== undefined) {
    add(tell('page.broker'), verdict.broker);
    add(tell('page.client'), verdict.client ?? tell('page.nobody'));
    add(tell('page.case'), plain(verdict.case));
    add(tell('page.made'), verdict.made);
  }
  if (state.digest !== null) add(tell('page.digest'), make('code', '', state.digest));
  return list;
}

function findings(verdict) {
  const sentences = findingSentences(state.language, verdict);
  if (sentences.length === 0) return [];
  return [make('h2', '', tell('page.findings')), make('ul', 'reach', ...sentences.map((line) => make('li', '', line)))];
}

function checkItem({ name, title, result, word, reason }) {
  const sign = make('span', 'sign', SIGNS[result]);
  sign.title = word;
  const item = make('li', `is-${result}`, sign, make('span', '', `${title} `, make('code', '', name)));
  item.setAttribute('data-check', name);
  item.setAttribute('aria-label', `${title}: ${word}`);
  if (reason !== '') item.lastChild.append(make('span', 'why', reason));
  return item;
}

function records(verdict) {
  if (verdict.timeline === undefined) return [];
  const parts = [make('h2', '', tell('page.records'))];
  const subjects = [...new Set(verdict.timeline.map(({ subject }) => subject))];
  for (const subject of subjects) {
    const rows = verdict.timeline.filter((row) => row.subject === subject);
    const title = rows[0].isReference ? 'reference' : 'history';
    parts.push(make('h3', '', `${tell(title)} `, make('code', '', subject)), make('ol', 'time', ...rows.map(recordItem)));
  }
  return parts;
}

function recordItem(row) {
  const { language } = state;
  const title = [row.seq, row.type ?? ''].filter((part) => part !== '').join(' · ');
  const meta = [row.occurred ?? '', row.channel ?? '', row.actor === null ? '' : `${row.actor.role} ${row.actor.did}`];
  const item = make(
    'li', row.state === 'hidden' ? 'hidden-content' : row.state,
    make('strong', '', plain(title)),
    make('span', 'meta', plain(meta.filter((part) => part !== '').join(' · '))),
    make('span', 'meta', plain([anchoredOf(language, row), ...stateOf(language, row)].join(' · '))),
  );
  const fields = Object.entries(row.fields);
  if (fields.length > 0) {
    const rows = fields.map(([name, value]) => make('tr', '', make('td', '', plain(name)), make('td', '', plain(textOf(value)))));
    item.append(make('details', '', make('summary', '', tell('page.fields')), make('table', '', make('tbody', '', ...rows))));
  }
  return item;
}

function textOf(value) {
  return typeof value === 'string' ? value : canonicalText(value);
}

listen();
show();
