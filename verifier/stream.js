/**
 * Many bundles by one process: a request a line, an answer a line.
 *
 * Request: JSON {"bundle": base64, "trusts": [base64], "pinned": [hex], "least": block or null, "promises": [base64] or null}.
 * Answer: JSON {"kind", "failed": [names of the checks that do not hold]}. An answer {"error"} is a fault of the verifier.
 */

import { createInterface } from 'node:readline';

import { verifyPacked } from './files.js';

export async function answerLines(input, output) {
  for await (const line of createInterface({ input })) output.write(`${JSON.stringify(await answer(line))}\n`);
}

async function answer(line) {
  try {
    const { bundle, trusts, pinned, least = null, promises = null } = JSON.parse(line);
    const { verdict } = await verifyPacked({
      bundle: bytes(bundle), trusts: trusts.map(bytes), pinned, least, promises: promises === null ? null : promises.map(bytes),
    });
    return { kind: verdict.kind, failed: verdict.checks.filter(({ result }) => result !== 'holds').map(({ name, code }) => [name, code]) };
  } catch (error) {
    return { error: String(error.stack) };
  }
}

function bytes(base64) {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
