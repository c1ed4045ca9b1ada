// The extension where there are no processes: all of it but the way to the server, which is a WebSocket here, and a folder
// of the machine that serves the page.
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/browser');
const { extension } = require('../../src/client');

/** Files of the machine behind the page. */
class Disk {
  constructor(origin) {
    this.origin = origin;
    this.changed = new vscode.EventEmitter();
    this.onDidChangeFile = this.changed.event;
  }

  async ask(operation, uri, more) {
    const body = JSON.stringify({ operation, path: uri.path, ...more });
    const response = await fetch(new URL('/disk', this.origin), { method: 'POST', body });
    if (response.status === 404) {
      throw vscode.FileSystemError.FileNotFound(uri);
    }
    if (!response.ok) {
      throw new Error(await response.text());
    }
    return response.json();
  }

  watch() {
    return new vscode.Disposable(() => {});
  }

  stat(uri) {
    return this.ask('stat', uri);
  }

  readDirectory(uri) {
    return this.ask('list', uri);
  }

  createDirectory(uri) {
    return this.ask('create', uri);
  }

  async readFile(uri) {
    const text = atob(await this.ask('read', uri));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  }

  async writeFile(uri, content) {
    const data = btoa(Array.from(content, (byte) => String.fromCharCode(byte)).join(''));
    await this.ask('write', uri, { data });
    this.changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
  }

  delete(uri) {
    return this.ask('delete', uri);
  }

  rename() {
    throw vscode.FileSystemError.NoPermissions('not needed here');
  }
}

/** A way to a server of its own, as the client knows workers. */
class Channel extends EventTarget {
  constructor(socket) {
    super();
    this.socket = socket;
    socket.onmessage = (event) => this.onmessage?.({ data: JSON.parse(event.data) });
  }

  static async open(url) {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`no answer from ${url}`));
    });
    return new Channel(socket);
  }

  postMessage(message) {
    this.socket.send(JSON.stringify(message));
  }
}

/** The server reads the disk by itself: it is told of files. */
const uriConverters = {
  code2Protocol: (uri) => (uri.scheme === 'disk' ? uri.with({ scheme: 'file' }) : uri).toString(),
  protocol2Code: (text) => {
    const uri = vscode.Uri.parse(text);
    return uri.scheme === 'file' ? uri.with({ scheme: 'disk' }) : uri;
  },
};

let running;

function activate(context) {
  const origin = context.extensionUri.with({ path: '/' }).toString();
  context.subscriptions.push(vscode.workspace.registerFileSystemProvider('disk', new Disk(origin)));
  const socket = new URL('/server', origin);
  socket.protocol = 'ws';
  const connect = async (options) => new LanguageClient('weir', 'Weir', { ...options, uriConverters }, await Channel.open(socket));
  running = extension(connect, 'disk');
  // not awaited: until this function is done nobody can read the folder, and the client wants to
  running.activate(context).catch((error) => vscode.window.showErrorMessage(String(error)));
}

module.exports = { activate, deactivate: () => running?.deactivate() };
