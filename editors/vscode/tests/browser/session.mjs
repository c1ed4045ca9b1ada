// A session in a real VS Code, in a browser, over the flagship package: run by cli/tests/vscode.rs.
// WEIR is the command, WEIR_PACKAGE a copy of the package that may be changed, BROWSER a Chromium;
// with WEIR_SCREENSHOTS, pictures are left in that folder.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const { WEIR, WEIR_PACKAGE, BROWSER, WEIR_SCREENSHOTS } = process.env;
const LONG = 60000;

let passed = 0;
let failed = 0;
function check(ok, what, said = '') {
  ok ? (passed += 1) : (failed += 1);
  console.log(`${ok ? 'ok   ' : 'FAIL '} ${what}${ok ? '' : `: ${said}`}`);
}

await build({
  entryPoints: [path.join(here, 'extension.js')],
  outfile: path.join(here, '../../dist/browser.js'),
  bundle: true,
  format: 'cjs',
  platform: 'browser',
  external: ['vscode'],
  logLevel: 'error',
});
const server = await serve(WEIR, WEIR_PACKAGE, {
  'workbench.colorTheme': 'Default Light Modern',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.layoutControl.enabled': false,
  'window.commandCenter': false,
  'security.workspace.trust.enabled': false,
  'editor.minimap.enabled': false,
  'editor.fontSize': 13,
  'editor.hover.delay': 100,
  'editor.stickyScroll.enabled': false,
  'files.autoSave': 'off',
  'files.simpleDialog.enable': true,
});
const browser = await chromium.launch({
  executablePath: BROWSER,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const complaints = [];
page.on('console', (message) => message.type() === 'error' && !message.text().startsWith('Failed to load') && complaints.push(message.text()));
page.on('response', (response) => response.status() >= 400 && !/\/(disk|weir\/package.nls.json)$/.test(response.url()) && complaints.push(`${response.status()} ${response.url()}`));
page.on('pageerror', (error) => complaints.push(String(error)));

/** Leaves a picture of the window as it is. */
async function picture(name) {
  if (WEIR_SCREENSHOTS) {
    // what fades in is there
    await page.waitForTimeout(500);
    await page.screenshot({ path: path.join(WEIR_SCREENSHOTS, `${name}.png`) });
  }
}

/** Waits for an element with a text; what is there instead, if it does not come. */
async function shows(selector, text, what) {
  const found = page.locator(selector, text === undefined ? {} : { hasText: text }).first();
  try {
    await found.waitFor({ timeout: LONG });
    check(true, what);
  } catch {
    check(false, what, (await page.locator(selector).allInnerTexts()).join(' | ').slice(0, 2000));
  }
  return found;
}

async function gone(selector, what) {
  const left = page.locator(selector).first();
  check(await left.waitFor({ state: 'hidden', timeout: LONG }).then(() => true, () => false), what);
}

async function until(is) {
  for (const end = Date.now() + LONG; Date.now() < end; await page.waitForTimeout(50)) {
    if (await is()) {
      return true;
    }
  }
  return false;
}

async function holds(element, text, what) {
  const said = await element.innerText().catch(String);
  check(said.replaceAll('\u00a0', ' ').includes(text), what, said);
}

/** Runs a command by its title. */
async function run(title) {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget input[role=combobox]').fill(`>${title}`);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().click();
}

/** The word in the text where it first stands behind another. */
function word(line, pattern) {
  return page.locator('.view-line', { hasText: line }).first().locator('span > span', { hasText: pattern }).last();
}

try {
  await page.goto(server.url);
  await page.locator('.monaco-workbench').waitFor({ timeout: LONG });
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'policies' }).click();
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'vibration.weir' }).dblclick();
  await shows('.view-line', 'allow', 'the file opens');

  // what the whole package says, above its rules
  await shows('.codelens-decoration', 'permits 1 -> 1', 'a code lens says what a rule permits');
  await shows('.codelens-decoration', 'enforcement point', 'and where it is held');

  // by mouse
  await word('analytics | voter', 'broker').hover();
  const hover = await shows('.monaco-hover:visible', 'May be reached by', 'hover says who may reach the broker');
  await holds(hover, 'workload broker in edge1', 'hover shows the declaration');
  await page.mouse.move(10, 400);
  await hover.waitFor({ state: 'hidden' });
  await word('allow voter', 'allow').hover();
  await shows('.monaco-hover:visible', 'nftables', 'hover on a rule says what it becomes');
  await picture('hover');
  await page.mouse.move(10, 400);

  // a mistake by real keys, and what is said about it
  await page.locator('.view-line', { hasText: 'deny office' }).click();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.keyboard.type('allow voter -> trip_pcl : modbus.write(coils 100..103)', { delay: 5 });
  await shows('.squiggly-error', undefined, 'a name that does not exist is underlined');
  await page.keyboard.press('Control+Shift+M');
  await shows('.markers-panel .monaco-list-row', 'did you mean `trip_plc`', 'and a problem, with a suggestion');
  await shows('.markers-panel .monaco-list-row', 'E0202', 'and its code');
  await picture('problems');

  // the fix, from the keyboard
  await page.locator('.markers-panel .monaco-list-row', { hasText: 'E0202' }).dblclick();
  await page.locator('.monaco-editor.focused').waitFor();
  await page.keyboard.press('Control+.');
  await shows('.action-widget .monaco-list-row.focused', 'write `trip_plc`', 'the fix is offered');
  await page.keyboard.press('Enter');
  await shows('.view-line', 'allow voter -> trip_plc : modbus.write(coils 100..103)', 'and applied');

  await page.keyboard.press('Control+J');

  // completion, after real typing
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.keyboard.type('allow vo', { delay: 20 });
  await shows('.suggest-widget .monaco-list-row', 'voter', 'completion knows the plant: voter');
  await page.keyboard.press('Control+Space');
  await shows('.suggest-details', 'Trips the turbine', 'with its declaration beside it');
  await picture('completion');
  await page.keyboard.press('Escape');
  await run('File: Revert File');
  await gone('.squiggly-error', 'what is taken back is no mistake any more');

  // a name in all files
  await page.keyboard.press('Control+Home');
  await word('analytics | voter', 'broker').click();
  await page.keyboard.press('F2');
  await page.locator('.rename-box input').fill('message_broker');
  await page.keyboard.press('Enter');
  await shows('.view-line', '-> message_broker', 'rename changes this file');
  const declared = () => readFile(path.join(WEIR_PACKAGE, 'edge.weir'), 'utf8').then((text) => text.includes('workload message_broker in edge1'));
  check(await until(declared), 'and the declaration in edge.weir');
  await gone('.squiggly-error', 'the renamed package has no errors');

  // the plant as a picture, and back to the text
  await page.keyboard.press('Control+B');
  await page.setViewportSize({ width: 1760, height: 900 });
  await run('Weir: Show Graph');
  const graph = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  await graph.locator('.node', { hasText: 'trip_plc' }).first().waitFor({ timeout: LONG });
  check(true, 'the graph is drawn');
  await graph.locator('.node', { hasText: 'trip_plc' }).first().click();
  await graph.locator('#detail', { hasText: 'may be reached by' }).waitFor();
  await shows('.tab.active', 'turbine.weir', 'a click on a node opens the file that declares it');
  await shows('.view-line', 'device trip_plc', 'at its declaration');
  await picture('graph');
} catch (error) {
  check(false, 'the session', error.stack);
} finally {
  if (failed > 0) {
    await picture('failed');
    console.log(complaints.join('\n'));
  }
  await browser.close();
  server.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
