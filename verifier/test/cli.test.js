import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { toHex } from '../bytes.js';
import { canonical } from '../canonical.js';
import { story } from './story.js';

const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));

test('the command line: statuses, languages, JSON, and many by one process', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'verifier-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const { network, main, references } = story({ text: 'a\u202eb' });
  const document = network.bundle(main, references);
  const put = (name, bytes) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const [bundle, trust] = [put('bundle.json', canonical(document)), put('trust.json', network.trust(network.chain().header))];
  const broken = put('broken.json', canonical({ ...document, case: 'another' }));
  const none = put('none.json', '[]');
  const promises = put('promises.json', canonical([network.held(main.records[0])]));
  const key = toHex(network.signer.public);
  const run = (args, input) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', input });
  const asked = (file, ...more) => run([file, '--trust', trust, '--trust-key', key, ...more]);

  const good = asked(bundle, '--lang', 'en', '--promises', promises);
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /^The evidence holds\n {2}The history is complete as of block 106 \(2026-.* \+08:00\)\.\n/);
  assert.match(good.stdout, /held-promises/);
  assert.match(good.stdout, /Rules: not asked here\./);
  assert.match(asked(bundle, '--lang', 'zh').stdout, /^证据成立\n {2}档案截至第 106 区块/);
  const packed = put('bundle.json.gz', gzipSync(canonical(document)));
  const packedPromises = put('promises.json.gz', gzipSync(canonical([network.held(main.records[0])])));
  const packedTrust = put('trust.json.gz', gzipSync(network.trust(network.chain().header)));
  const same = run([packed, '--trust', packedTrust, '--trust-key', key, '--lang', 'en', '--promises', packedPromises]);
  assert.deepEqual([same.status, same.stdout], [0, good.stdout]);
  const cut = asked(put('cut.json.gz', gzipSync(canonical(document)).subarray(0, -1)), '--lang', 'en');
  assert.equal(cut.status, 2);
  assert.match(cut.stdout, /bundle: gzip/);
  const bad = asked(broken, '--json');
  assert.equal(bad.status, 1);
  assert.deepEqual(JSON.parse(bad.stdout).checks.filter(({ result }) => result !== 'holds').map(({ name }) => name), ['bundle-signature']);
  const no = asked(none, '--lang', 'en');
  assert.deepEqual([no.status, no.stderr], [2, '']);
  assert.match(no.stdout, /^Not a bundle of evidence\n/);
  assert.equal(asked(bundle, '--at-least-block', '107').status, 1);
  for (const more of [['--at-least-block', '1.5'], ['--lang', 'fr'], ['--what'], ['another'], ['--promises', none + none]]) {
    const wrong = asked(bundle, ...more);
    assert.equal(wrong.status, 2, more.join(' '));
    assert.notEqual(wrong.stderr, '');
  }
  assert.equal(run([bundle]).status, 2);

  const request = (bytes) => JSON.stringify({ bundle: Buffer.from(bytes).toString('base64'), trusts: [Buffer.from(network.trust(network.chain().header)).toString('base64')], pinned: [key] });
  const lines = run(['--stream'], [request(canonical(document)), request('x'), request(gzipSync(canonical(document))), '{', request(canonical({ ...document, pending: 1 }))].join('\n'));
  const [holds, noBundle, alsoHolds, fault, changed] = lines.stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(holds, { kind: 'holds', failed: [] });
  assert.equal(noBundle.kind, 'not-a-bundle');
  assert.deepEqual(alsoHolds, holds);
  assert.match(fault.error, /JSON/);
  assert.deepEqual(changed, { kind: 'failed', failed: [['bundle-signature', 'bundle-signature']] });
});
