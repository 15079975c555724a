import { Readable } from 'node:stream'
import type { FastifyInstance, InjectOptions } from 'fastify'

/** Runs a Request through the whole request path, without a socket. The body is sent whole, the answer streams. */
export async function fetchFrom(app: FastifyInstance, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const headers: Record<string, string> = { host: url.host, ...Object.fromEntries(request.headers) }
  const payload = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
  if (payload) headers['content-length'] = String(payload.length)
  const answer = await app.inject({
    method: request.method as NonNullable<InjectOptions['method']>,
    url: url.pathname + url.search,
    headers,
    ...(payload ? { payload } : {}),
    payloadAsStream: true,
    signal: request.signal,
  })
  const pairs = new Headers()
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const line of [value].flat()) if (line !== undefined) pairs.append(name, String(line))
  }
  const bodiless = request.method === 'HEAD' || answer.statusCode === 204 || answer.statusCode === 304
  const body = bodiless ? null : (Readable.toWeb(answer.stream()) as ReadableStream<Uint8Array>)
  if (bodiless) answer.stream().resume()
  return new Response(body, { status: answer.statusCode, headers: pairs })
}
