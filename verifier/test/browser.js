/** A headless Chromium from the packages, and the page in it. */


import chromium from '@sparticuz/chromium';
import { chromium as playwright } from 'playwright-core';

export const PAGE = new URL('../../api/verifier.html', import.meta.url);

export async function launch() {
  return playwright.launch({ executablePath: await chromium.executablePath(), args: chromium.args, headless: true });
}

/** Open the page in a language; `page.problems` collects errors and every request but that of the file itself. */
export async function openPage(browser, locale) {
  const context = await browser.newContext({ locale, viewport: { width: 1000, height: 1400 } });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.problems.push(message.text());
  });
  page.on('request', (request) => {
    if (request.url() !== PAGE.href) page.problems.push(`request: ${request.url()}`);
  });
  await page.goto(PAGE.href);
  return page;
}

/** Give files [{name, bytes}] by the field of a kind. */
export async function choose(page, kind, files) {
  await page.setInputFiles(`#${kind}`, files.map(({ name, bytes }) => ({ name, mimeType: 'application/json', buffer: Buffer.from(bytes) })));
}

/** Drop files on the field of a kind, as a hand does. */
export async function drop(page, kind, files) {
  const data = await page.evaluateHandle((list) => {
    const transfer = new DataTransfer();
    for (const { name, text } of list) transfer.items.add(new File([text], name));
    return transfer;
  }, files.map(({ name, bytes }) => ({ name, text: Buffer.from(bytes).toString('utf8') })));
  await page.dispatchEvent(`[data-kind="${kind}"]`, 'drop', { dataTransfer: data });
}

