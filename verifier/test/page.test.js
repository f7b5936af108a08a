import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';

import { toHex } from '../bytes.js';
import { canonical } from '../canonical.js';
import { sha256 } from '../sha256.js';
import { choose, drop, launch, openPage } from './browser.js';
import { story } from './story.js';

const PICTURES = process.env.VERIFIER_PICTURES ?? mkdtempSync(join(tmpdir(), 'verifier-'));
mkdirSync(PICTURES, { recursive: true });
const HOSTILE = '<img src=x onerror="document.title=1">\u202e\u2066evil';

test('the page in a real browser', async (context) => {
  const { network, main, references } = story({ text: HOSTILE });
  const redacted = new Map([[main.records[1], ['total']]]);
  const document = network.bundle(main, references, { redacted });
  const files = {
    bundle: { name: 'bundle.json', bytes: canonical(document) },
    trust: { name: 'trust.json', bytes: network.trust(network.chain().header) },
  };
  const browser = await launch();
  context.after(() => browser.close());

  const answer = async (page) => ({
    word: await page.textContent('.answer'),
    failing: await page.$$eval('ol.checks li:not(.is-holds)', (items) => items.map((item) => item.dataset.check)),
    reach: await page.$$eval('.reach li', (items) => items.map((item) => item.textContent)),
  });

  await context.test('a bundle that holds, in Chinese, by dropped files', async () => {
    const page = await openPage(browser, 'zh-CN');
    await drop(page, 'bundle', [files.bundle]);
    await drop(page, 'trust', [files.trust]);
    await page.fill('#keys', toHex(network.signer.public));
    await page.click('form button[type=submit]');
    await page.waitForSelector('.answer');
    const { word, failing, reach } = await answer(page);
    assert.equal(word, '证据成立');
    assert.deepEqual(failing, []);
    assert.match(reach[0], new RegExp(`第 ${network.block} 区块`));
    assert.match(reach.join('\n'), /由 3 个其他成员中的 2 个核对/);
    assert.match(reach.at(-1), /规则：此处未核/);
    await page.screenshot({ path: join(PICTURES, 'holds-zh.png'), fullPage: true });
    assert.deepEqual(page.problems, []);
  });

  await context.test('a changed bundle, in English, by chosen files; another language without asking again', async () => {
    const page = await openPage(browser, 'en-GB');
    const changed = structuredClone(document);
    changed.history.records[1].record.fields.level.value = 'C2';
    await choose(page, 'bundle', [{ name: 'bundle.json', bytes: canonical(network.signed(changed)) }]);
    await choose(page, 'trust', [files.trust]);
    await page.fill('#keys', `${toHex(network.signer.public)}\n`);
    await page.click('form button[type=submit]');
    await page.waitForSelector('.answer');
    const { word, failing, reach } = await answer(page);
    assert.equal(word, 'The evidence does not hold');
    assert.ok(failing.includes('fingerprint') && !failing.includes('bundle-signature'));
    assert.match(reach[0], /Fingerprints of the records/);
    await page.screenshot({ path: join(PICTURES, 'failed-en.png'), fullPage: true });
    await page.click('#languages button:has-text("中文")');
    assert.equal(await page.textContent('.answer'), '证据不成立');
    assert.deepEqual(page.problems, []);
  });

  await context.test('what a file says is text: no markup, no hidden turn of the reading', async () => {
    const page = await openPage(browser, 'en-GB');
    await choose(page, 'bundle', [files.bundle]);
    await choose(page, 'trust', [files.trust]);
    await page.fill('#keys', toHex(network.signer.public));
    await page.click('form button[type=submit]');
    await page.waitForSelector('.answer');
    await page.click('details >> nth=1');
    assert.equal(await page.locator('img').count(), 0);
    assert.ok((await page.textContent('#verdict')).includes('<img src=x onerror="document.title=1">[U+202E][U+2066]evil'));
    await page.screenshot({ path: join(PICTURES, 'holds-en.png'), fullPage: true });
    assert.deepEqual(page.problems, []);
  });

  await context.test('packed files: the digest is that of what is in them, and what is cut off is none', async () => {
    const page = await openPage(browser, 'en-GB');
    const packed = gzipSync(canonical(document));
    await choose(page, 'bundle', [{ name: 'bundle.json.gz', bytes: packed }]);
    await choose(page, 'trust', [{ name: 'trust.json.gz', bytes: gzipSync(files.trust.bytes) }]);
    await page.fill('#keys', toHex(network.signer.public));
    await page.click('form button[type=submit]');
    await page.waitForSelector('.answer');
    assert.equal((await answer(page)).word, 'The evidence holds');
    assert.ok((await page.textContent('dl')).includes(toHex(sha256(canonical(document)))));
    for (const [bytes, rule] of [[packed.subarray(0, -1), 'gzip'], [Buffer.concat([packed, packed]), 'gzip'], [gzipSync(Buffer.alloc(2 ** 27)), 'max-bytes']]) {
      await choose(page, 'bundle', [{ name: 'bundle.json.gz', bytes }]);
      await page.click('form button[type=submit]');
      await page.waitForFunction((word) => document.querySelector('ol.checks .why')?.textContent === `bundle: ${word}`, rule);
      assert.equal(await page.textContent('.answer'), 'Not a bundle of evidence');
    }
    assert.deepEqual(page.problems, []);
  });

  await context.test('what is missing or wrong is said', async () => {
    const page = await openPage(browser, 'en-GB');
    const status = async () => {
      await page.click('form button[type=submit]');
      await page.waitForFunction(() => !/Checking|^$/.test(document.getElementById('status').textContent) || !document.getElementById('verdict').hidden);
      return page.textContent('#status');
    };
    assert.match(await status(), /Give a bundle/);
    await choose(page, 'bundle', [{ name: 'x.json', bytes: Buffer.from('{}') }]);
    await choose(page, 'trust', [files.trust]);
    await page.fill('#keys', 'not hex');
    assert.match(await status(), /hex/);
    await page.fill('#keys', toHex(network.signer.public));
    await page.fill('#least', '1.5');
    assert.match(await status(), /whole number/);
    await page.fill('#least', '');
    await page.click('form button[type=submit]');
    await page.waitForSelector('.answer');
    assert.equal(await page.textContent('.answer'), 'Not a bundle of evidence');
    assert.deepEqual(page.problems, []);
  });
});
