// The extension as the desktop runs it: `weir lsp` is a process of its own, on standard input and output.
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');
const { extension } = require('./client');

module.exports = extension((options) => {
  const command = vscode.workspace.getConfiguration('weir').get('path', 'weir');
  const run = { command, args: ['lsp'] };
  return new LanguageClient('weir', 'Weir', { run, debug: run }, options);
});
