// All of the extension but the way to the server: its documents, the commands that need a window, the graph.
const vscode = require('vscode');
const graph = require('./graph');

/** Texts that only the server has: the standard library, and artifacts. */
class Documents {
  constructor(client) {
    this.client = client;
  }

  async provideTextDocumentContent(uri) {
    const text = await this.client()?.sendRequest('weir/virtualDocument', { uri: uri.toString(true) });
    return text ?? '// The server has no such text now: does the package have errors?';
  }
}

/**
 * The extension around a way to the server.
 * @param connect makes a client of `vscode-languageclient` from its options
 * @param scheme of the files that the server reads
 */
function extension(connect, scheme = 'file') {
  let client;

  async function start() {
    const settings = vscode.workspace.getConfiguration('weir');
    try {
      client = await connect({
        documentSelector: [
          { language: 'weir', scheme },
          { language: 'weir', scheme: 'untitled' },
          { scheme: 'weir-std' },
          { scheme: 'weir-artifact' },
        ],
        initializationOptions: {
          virtualDocuments: true,
          inlayHints: settings.get('inlayHints'),
          codeLens: settings.get('codeLens'),
          analysisDelay: settings.get('analysisDelay'),
        },
        synchronize: { configurationSection: 'weir' },
      });
      await client.start();
    } catch (error) {
      vscode.window.showErrorMessage(`Weir: the server did not start (${error.message ?? error}). Set \`weir.path\`.`);
    }
  }

  /** Runs a command of the server about a place: that of the cursor, if none is given. */
  async function ask(command, uri, position) {
    const editor = vscode.window.activeTextEditor;
    if (!client || (!uri && !editor)) {
      return undefined;
    }
    const place = position ?? { line: editor.selection.active.line, character: editor.selection.active.character };
    const document = uri ?? client.code2ProtocolConverter.asUri(editor.document.uri);
    return client.sendRequest('workspace/executeCommand', { command, arguments: [document, place] });
  }

  async function explain(uri, position) {
    const text = await ask('weir.explainFlow', uri, position);
    if (!text) {
      return vscode.window.showInformationMessage('Weir: there is no rule here, or the package was not analyzed yet.');
    }
    const document = await vscode.workspace.openTextDocument({ language: 'markdown', content: text });
    await vscode.commands.executeCommand('markdown.showPreviewToSide', document.uri);
  }

  async function openArtifact(uri, position) {
    const found = (await ask('weir.artifacts', uri, position)) ?? [];
    if (found.length === 0) {
      return vscode.window.showInformationMessage('Weir: no artifact carries what is here.');
    }
    const items = found.map((one) => ({ label: one.path, one }));
    const picked = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items, { title: 'Artifact' });
    if (!picked) {
      return;
    }
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(picked.one.uri));
    const line = picked.one.lines[0] ?? 0;
    const selection = new vscode.Range(line, 0, line, 0);
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, selection });
  }

  async function activate(context) {
    const documents = new Documents(() => client);
    context.subscriptions.push(
      vscode.workspace.registerTextDocumentContentProvider('weir-std', documents),
      vscode.workspace.registerTextDocumentContentProvider('weir-artifact', documents),
      vscode.workspace.onDidOpenTextDocument((document) => {
        if (document.uri.scheme === 'weir-std' && document.languageId !== 'weir') {
          vscode.languages.setTextDocumentLanguage(document, 'weir');
        }
      }),
      vscode.commands.registerCommand('weir.explain', explain),
      vscode.commands.registerCommand('weir.openArtifact', openArtifact),
      vscode.commands.registerCommand('weir.openGraph', () => client && graph.open(client)),
      // what lenses run
      vscode.commands.registerCommand('weir.showArtifacts', openArtifact),
      vscode.commands.registerCommand('weir.showHover', () => vscode.commands.executeCommand('references-view.showCallHierarchy')),
      vscode.commands.registerCommand('weir.restart', async () => {
        await client?.stop();
        await start();
      }),
    );
    await start();
  }

  return { activate, deactivate: () => client?.stop() };
}

module.exports = { extension };
