/**
 * Build the verifier's page: one file that holds everything and may reach nothing.
 *
 *     node scripts/verifier/build.mjs            write api/verifier.html
 *     node scripts/verifier/build.mjs --check    fail where it is not what the sources give
 *     node scripts/verifier/build.mjs --digest   print the SHA-256 of the file, to be published
 *
 * The same sources and the same lock give the same bytes: modules are joined by the pinned esbuild and not made smaller, so
 * that the file can be read. The content policy allows this one script and this one style, by their digests.
 */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = `${ROOT}verifier/page/`;
const TARGET = `${ROOT}api/verifier.html`;

async function pageText() {
  const style = readFileSync(`${PAGE}style.css`, 'utf8');
  const script = await joined();
  const policy = `default-src 'none'; script-src '${source(script)}'; style-src '${source(style)}'; base-uri 'none'; form-action 'none'`;
  const parts = { policy, style, script };
  return readFileSync(`${PAGE}page.html`, 'utf8').replace(/\{\{([a-z]+)\}\}/g, (_, name) => parts[name]);
}

async function joined() {
  const { outputFiles } = await build({
    entryPoints: ['verifier/page/app.js'], absWorkingDir: ROOT, bundle: true, write: false, format: 'esm', charset: 'utf8',
    target: 'es2022', legalComments: 'inline', treeShaking: true,
  });
  const script = `\n${outputFiles[0].text}`;
  if (/<\/script|<!--/i.test(script)) throw new Error('the script would end its own element');
  return script;
}

function source(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

const [, , wish] = process.argv;
if (wish === '--digest') {
  process.stdout.write(`${createHash('sha256').update(readFileSync(TARGET)).digest('hex')}\n`);
} else if (wish === '--check') {
  if (readFileSync(TARGET, 'utf8') !== (await pageText())) {
    process.stderr.write('api/verifier.html is not what its sources give; run: make verifier\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(TARGET, await pageText());
}
