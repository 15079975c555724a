import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Serves a built site on this machine only. Resolves when it listens; port 0 is any free one. */
export function serveSite(folder: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname))
      const file = path.endsWith('/') ? `${path}index.html` : path
      const body = await readFile(join(folder, file)).catch(() => undefined)
      response
        .writeHead(body ? 200 : 404, {
          'content-type': body ? (TYPES[extname(file)] ?? 'text/plain') : 'text/plain',
          'content-security-policy': "default-src 'self'",
          'cache-control': 'no-cache',
        })
        .end(body ?? 'There is no such page.')
    })().catch(() => response.writeHead(400).end())
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
