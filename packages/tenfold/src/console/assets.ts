import { readFile, readdir } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, relative, sep } from 'node:path'
import { ConsoleAssetsMissing } from './errors.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface Asset {
  type: string
  etag: string
  /** Its name holds its hash: it never changes. */
  immutable: boolean
  bodies: { identity: Buffer; gzip?: Buffer; br?: Buffer }
}

export interface Assets {
  /** Answers with the file at this path, or with the start page where the path is one of the pages'; false when it is
   *  neither. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): boolean
}

/** The built pages, read into memory once: a path in a request never reaches the file system. */
export async function loadAssets(directory: string): Promise<Assets> {
  const assets = new Map<string, Asset>()
  const names = await readdir(directory, { recursive: true }).catch(() => [])
  for (const name of names) {
    const type = TYPES[extname(name)]
    if (!type) continue
    const file = join(directory, name)
    const [identity, gzip, br] = await Promise.all([readFile(file), optional(`${file}.gz`), optional(`${file}.br`)])
    const path = `/${relative(directory, file).split(sep).join('/')}`
    const etag = `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`
    const bodies = { identity, ...(gzip && { gzip }), ...(br && { br }) }
    assets.set(path, { type, etag, immutable: path.startsWith('/assets/'), bodies })
  }
  const start = assets.get('/index.html')
  if (!start) throw ConsoleAssetsMissing({ directory })

  return {
    serve(path, request, response) {
      const asset = assets.get(path) ?? (extname(path) === '' ? start : undefined)
      if (!asset) return false
      send(asset, request, response)
      return true
    },
  }
}

function send(asset: Asset, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('cache-control', asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
  response.setHeader('etag', asset.etag)
  response.setHeader('vary', 'accept-encoding')
  if (request.headers['if-none-match'] === asset.etag) {
    response.writeHead(304).end()
    return
  }
  const accepted = String(request.headers['accept-encoding'] ?? '')
  const encoding = (['br', 'gzip'] as const).find((e) => asset.bodies[e] && new RegExp(`\\b${e}\\b`).test(accepted))
  if (encoding) response.setHeader('content-encoding', encoding)
  const body = asset.bodies[encoding ?? 'identity']!
  response.writeHead(200, { 'content-type': asset.type, 'content-length': body.length })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function optional(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch(() => undefined)
}
