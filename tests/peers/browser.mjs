// Does what a person does in a browser, and tells what they see.
//
//   node browser.mjs FOLDER   FOLDER holds node_modules; standard input is a JSON object:
//
//   script   whether pages may run scripts (default true)
//   width    of the window (default 1000)
//   steps    a list; each is a list whose first item says what to do:
//            ["open", URL]              types an address
//            ["fill", LABEL, TEXT]      fills in the field with this label
//            ["click", ROLE, NAME]      clicks on a thing by its role and exact name
//            ["tab", NAME]              presses Tab until a thing of this name has the focus
//            ["type", TEXT]             types where the focus is
//            ["press", KEY]             presses a key, such as Enter
//            ["see", NAME, HEADING]     waits for the page with this first heading, and remembers it under this name
//
// The answer is an object: the name of each page that was seen, and of it `url`, `title`, `heading`, `text`,
// `focus` (the name of what has the focus), `status` (of its last request), `problems` (what axe-core finds) and
// `overflows` (whether it is wider than the window).

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.argv[2], 'node_modules', 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const PATIENCE = 20_000;
const MOST_TABS = 60;

const { steps, script = true, width = 1000 } = JSON.parse(readFileSync(0, 'utf8'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run', '--no-proxy-server'],
});
const seen = {};
try {
  const context = await browser.newContext({ javaScriptEnabled: script, viewport: { width, height: 800 } });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  let status = 0;
  page.on('response', (response) => {
    if (response.request().isNavigationRequest()) status = response.status();
  });
  for (const step of steps) {
    try {
      await act(page, step);
    } catch (error) {
      throw new Error(`${JSON.stringify(step)}: ${error.message}\n${page.url()}\n${await page.locator('body').innerText()}`);
    }
  }
  async function act(page, [what, one, two]) {
    if (what === 'open') await page.goto(one);
    else if (what === 'fill') await page.getByLabel(one, { exact: true }).first().fill(two);
    else if (what === 'click') await page.getByRole(one, { name: two, exact: true }).first().click();
    else if (what === 'type') await page.keyboard.type(one);
    else if (what === 'press') await page.keyboard.press(one);
    else if (what === 'tab') await tab(page, one);
    else if (what === 'see') seen[one] = await look(page, two);
    else throw new Error('no such step');
  }
  async function look(page, heading) {
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    const problems = [];
    if (script) {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document));
      for (const { id, nodes } of violations) problems.push(`${id}: ${nodes.map((node) => node.html).join(' | ')}`);
    }
    return {
      url: page.url(),
      title: await page.title(),
      heading: await page.locator('h1').first().innerText(),
      text: await page.locator('body').innerText(),
      focus: await focus(page),
      status,
      problems,
      overflows: await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth),
    };
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));

async function focus(page) {
  return page.evaluate(() => {
    const it = document.activeElement === document.body ? null : document.activeElement;
    return (it?.labels?.[0]?.innerText ?? it?.innerText ?? '').trim();
  });
}

async function tab(page, name) {
  const met = [];
  for (let count = 0; count < MOST_TABS; count += 1) {
    await page.keyboard.press('Tab');
    const at = await focus(page);
    if (at === name) return;
    met.push(at);
  }
  throw new Error(`nothing of this name was met by Tab, but ${JSON.stringify(met)}`);
}
