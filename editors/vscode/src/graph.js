// The plant as a picture, beside the text: a click on what is drawn shows its declaration.
const vscode = require('vscode');

let panel;

/** A word that nobody can guess: scripts with it may run, others may not. */
function nonce() {
  const bytes = new Uint8Array(16);
  globalThis.crypto.getRandomValues(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Passes on what the page says, which knows nothing of editors. */
const MESSENGER = `
const editor = acquireVsCodeApi();
document.documentElement.classList.add('hosted');
document.addEventListener('open-source', event => editor.postMessage({ open: event.detail }));
`;

/** The server's page under a policy of its own, with the messenger in it. */
function hosted(page) {
  const word = nonce();
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'nonce-${word}'`;
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  return page
    .replace('<meta charset="utf-8">', `<meta charset="utf-8">${meta}`)
    .replace('</html>', `<script>${MESSENGER}</script></html>`)
    .replaceAll('<script>', `<script nonce="${word}">`);
}

/** Shows the place `file:line` of a package. */
async function show(folder, place) {
  const [, file, line] = /^(.*):(\d+)$/.exec(place) ?? [];
  if (!file) {
    return;
  }
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder, file));
  const at = new vscode.Position(Number(line) - 1, 0);
  const viewColumn = vscode.ViewColumn.One;
  await vscode.window.showTextDocument(document, { viewColumn, selection: new vscode.Range(at, at) });
}

/** Asks for the graph of the package around the active document, or of the first one. */
async function open(client) {
  const editor = vscode.window.activeTextEditor;
  const of = editor ? [client.code2ProtocolConverter.asUri(editor.document.uri)] : [];
  const drawing = vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: 'Weir: drawing' },
    () => client.sendRequest('workspace/executeCommand', { command: 'weir.graph', arguments: of }),
  );
  let drawn;
  try {
    drawn = await drawing;
  } catch (error) {
    return vscode.window.showErrorMessage(`Weir: ${error.message}`);
  }
  if (!drawn) {
    return vscode.window.showInformationMessage('Weir: the package cannot be drawn before its errors are gone.');
  }
  const folder = client.protocol2CodeConverter.asUri(drawn.folder);
  panel?.dispose();
  const mine = vscode.window.createWebviewPanel('weir.graph', `Graph of ${drawn.title}`, vscode.ViewColumn.Beside, {
    enableScripts: true,
    localResourceRoots: [],
    retainContextWhenHidden: true,
  });
  panel = mine;
  mine.onDidDispose(() => {
    if (panel === mine) {
      panel = undefined;
    }
  });
  mine.webview.onDidReceiveMessage((message) => show(folder, message.open));
  mine.webview.html = hosted(drawn.page);
}

module.exports = { open };
