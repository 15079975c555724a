import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { extname, resolve, sep } from 'node:path'
import type { Duration } from '../kernel/index.ts'
import { toMs } from '../kernel/index.ts'
import { NotFound } from './errors.ts'
import type { HttpRequest, HttpRoute } from './http.ts'
import { HttpReply } from './reply.ts'

export interface StaticOptions {
  /** Where the files appear: `/` or `/assets/`. */
  prefix: string
  /** The folder; what links lead out of it is not served, nor is anything whose name starts with a dot. */
  directory: string
  /** How long browsers use a file without asking. Defaults to 0: they ask each time, and get 304 while it is the same. */
  maxAge?: Duration
  /** Sent for a folder. Defaults to `index.html`. */
  index?: string
  module?: string
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.pdf': 'application/pdf',
}

/** A route that serves the files of a folder: for the few pages of a small front end.
 *  @example
 *  staticFiles({ prefix: '/', directory: new URL('./public', import.meta.url).pathname }) */
export function staticFiles({
  prefix,
  directory,
  maxAge = 0,
  index = 'index.html',
  module = 'app',
}: StaticOptions): HttpRoute {
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`
  const seconds = Math.floor(toMs(maxAge) / 1000)
  const cacheControl = seconds > 0 ? `public, max-age=${seconds}` : 'no-cache'
  return {
    method: 'GET',
    path: `${folder}*`,
    module,
    name: `GET ${folder}*`,
    hidden: true,
    async handle(request: HttpRequest) {
      const asked = (request.params as { '*': string })['*']
      const found = await openFile(await realpath(directory), asked, index)
      if (!found) throw NotFound({ what: `${folder}${asked.slice(0, 200)}` })
      const { file, path, size, mtimeMs } = found
      const etag = `W/"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`
      const headers = {
        etag,
        'cache-control': cacheControl,
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      }
      const known = String(request.headers['if-none-match'] ?? '').split(/\s*,\s*/)
      if (known.includes(etag) || known.includes('*')) {
        await file.close()
        return new HttpReply({ status: 304, headers })
      }
      const body = file.createReadStream()
      return new HttpReply({ status: 200, headers: { ...headers, 'content-length': String(size) }, body })
    },
  }
}

/** Opens a file below `root`. The path is judged after links are followed: what is not inside is not there. */
async function openFile(root: string, asked: string, index: string) {
  if (asked.includes('\0') || asked.includes('\\') || asked.split('/').some((part) => part.startsWith('.')))
    return undefined
  for (const candidate of [resolve(root, asked || index), resolve(root, asked, index)]) {
    const path = await realpath(candidate).catch(() => undefined)
    if (path === undefined || !(path + sep).startsWith(root + sep)) continue
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      () => undefined,
    )
    const stat = await file?.stat()
    if (file && stat?.isFile()) return { file, path, size: stat.size, mtimeMs: stat.mtimeMs }
    await file?.close()
  }
  return undefined
}
