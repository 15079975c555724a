/** Requests and replies of every framework, as far as parts have to do with them: those of Node.js, and those of `fetch`. */

/** `IncomingMessage` (Express, NestJS; `request.raw` of Fastify), or `Request` (Hono, Next.js). */
export type AnyRequest =
  | {
      readonly headers: Record<string, string | string[] | undefined>
      readonly socket?: { remoteAddress?: string | undefined }
    }
  | { readonly headers: { get(name: string): string | null } }

/** `ServerResponse` (Express, NestJS; `reply.raw` of Fastify), or the `Headers` that go into the `Response` (Hono, Next.js). */
export type AnyReply =
  | { appendHeader(name: string, value: string): unknown }
  | { append(name: string, value: string): unknown }

export function headerOf({ headers }: AnyRequest, name: string): string | undefined {
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined
  const value = (headers as Record<string, string | string[] | undefined>)[name]
  return Array.isArray(value) ? value.join(', ') : value
}

export function addHeader(reply: AnyReply, name: string, value: string): void {
  // The Response of Express has both, and another meaning for `append`.
  if ('appendHeader' in reply) reply.appendHeader(name, value)
  else reply.append(name, value)
}
