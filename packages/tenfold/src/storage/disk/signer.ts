import { createHmac, timingSafeEqual } from 'node:crypto'
import { toMs } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { StorageSignature } from '../errors.ts'
import type { SignedRequest, SignOptions } from '../storage.ts'

export interface SignerOptions {
  /** The first one signs; all of them are accepted, so that a key can be replaced. */
  secrets: readonly string[]
  /** What URLs start with, such as `https://shop.example`. Defaults to nothing: a path. */
  baseUrl: string
  clock: Clock
}

export const FILES_PATH = '/_files/'
const MAX_MS = 7 * 86_400_000

/** Signed URLs for files that the app serves itself:
 *
 *    /_files/<key in base64url>?m=GET&e=<expiry in s>&t=<type>&b=<bytes>&n=<name>&s=<signature>
 *
 *  The key is encoded as one segment because proxies rewrite slashes and dots; the signature covers every value that
 *  `verify` acts on. */
export function createSigner({ secrets, baseUrl, clock }: SignerOptions) {
  const keys = secrets.map((secret) => createHmac('sha256', secret).update('tenfold storage urls').digest())

  return {
    sign(key: string, options: SignOptions): string {
      const request = requestOf(key, options)
      const expires = Math.floor((clock.now() + Math.min(toMs(options.expiresIn), MAX_MS)) / 1000)
      const query = new URLSearchParams({ m: request.method, e: String(expires) })
      if (request.contentType !== undefined) query.set('t', request.contentType)
      if (request.maxBytes !== undefined) query.set('b', String(request.maxBytes))
      if (request.downloadAs !== undefined) query.set('n', request.downloadAs)
      query.set('s', signature(keys[0]!, request, expires).toString('base64url'))
      return `${baseUrl}${FILES_PATH}${Buffer.from(key).toString('base64url')}?${query}`
    },

    verify({ method, url }: { method: string; url: string }): SignedRequest {
      const { pathname, searchParams } = URL.parse(url, 'http://local') ?? refuse('wrong')
      const segment = pathname.startsWith(FILES_PATH) ? pathname.slice(FILES_PATH.length) : refuse('wrong')
      const bytes = searchParams.get('b')
      if (bytes !== null && !/^\d{1,16}$/.test(bytes)) refuse('wrong')
      const request = requestOf(Buffer.from(segment, 'base64url').toString(), {
        method: searchParams.get('m') === 'PUT' ? 'PUT' : 'GET',
        ...(searchParams.has('t') && { contentType: searchParams.get('t')! }),
        ...(bytes !== null && { maxBytes: Number(bytes) }),
        ...(searchParams.has('n') && { downloadAs: searchParams.get('n')! }),
      })
      const expires = Number(searchParams.get('e'))
      const given = Buffer.from(searchParams.get('s') ?? '', 'base64url')
      const right = keys.some((key) => {
        const expected = signature(key, request, expires)
        return given.length === expected.length && timingSafeEqual(given, expected)
      })
      const allowed = request.method === method || (request.method === 'GET' && method === 'HEAD')
      if (!right || !allowed) refuse('wrong')
      if (expires * 1000 <= clock.now()) refuse('expired')
      return request
    },
  }
}

function requestOf(
  key: string,
  { method, contentType, maxBytes, downloadAs }: Omit<SignOptions, 'expiresIn'>,
): SignedRequest {
  return {
    method,
    key,
    ...(contentType !== undefined && { contentType }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(downloadAs !== undefined && { downloadAs }),
  }
}

/** JSON keeps the values apart, whatever is in them. */
function signature(secret: Buffer, request: SignedRequest, expires: number): Buffer {
  const { method, key, contentType = null, maxBytes = null, downloadAs = null } = request
  return createHmac('sha256', secret)
    .update(JSON.stringify([1, method, key, expires, contentType, maxBytes, downloadAs]))
    .digest()
}

function refuse(reason: 'expired' | 'wrong'): never {
  throw StorageSignature({ reason })
}
