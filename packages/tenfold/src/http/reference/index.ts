import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { generateClient } from '../client/index.ts'
import type { HttpRequest, HttpRoute } from '../http.ts'
import type { OpenApiDocument } from '../openapi/index.ts'
import { HttpReply } from '../reply.ts'

/** `/openapi.json`, the page `/docs` that shows it (nothing is loaded from elsewhere), and the client that is generated
 *  from it: `/client.js` with its types beside it, `/client.d.ts`. */
export function referenceRoutes(document: OpenApiDocument): HttpRoute[] {
  const asset = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8')
  const client = generateClient(document)
  return [
    fixed('/openapi.json', 'application/json; charset=utf-8', JSON.stringify(document)),
    fixed('/client.js', 'text/javascript; charset=utf-8', client.js),
    fixed('/client.d.ts', 'text/plain; charset=utf-8', client.dts),
    fixed(
      '/docs',
      'text/html; charset=utf-8',
      asset('page.html').replaceAll('{{title}}', escapeHtml(document.info.title)),
    ),
    fixed('/docs/page.css', 'text/css; charset=utf-8', asset('page.css')),
    fixed('/docs/page.js', 'text/javascript; charset=utf-8', asset('page.js')),
  ]
}

/** A text that stays the same while the process runs, sent only to clients that do not have it yet. */
function fixed(path: string, type: string, text: string): HttpRoute {
  const body = Buffer.from(text)
  const headers = {
    'content-type': type,
    'cache-control': 'no-cache',
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  }
  return {
    method: 'GET',
    path,
    module: 'tenfold',
    name: `GET ${path}`,
    hidden: true,
    handle: async ({ headers: sent }: HttpRequest) =>
      sent['if-none-match'] === headers.etag
        ? new HttpReply({ status: 304, headers })
        : new HttpReply({ status: 200, headers, body }),
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
}
