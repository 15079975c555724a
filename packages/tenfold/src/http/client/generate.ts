import { readFileSync } from 'node:fs'
import type { OpenApiDocument, Operation, Parameter } from '../openapi/index.ts'
import { comment, identifier, keyOf, typeOf } from './types.ts'

/** A client of an app, for browsers and whatever else has `fetch`: types and a runtime of under 2 kB, without dependencies.
 *  @example
 *  const { dts, js } = generateClient(openapi(routes, info))
 *  // in the page:
 *  const api = createClient()
 *  const order = await api('POST /orders', { body: { product: 'mug', count: 2 } })      // -> typed as the reply schema
 *  await api('GET /orders/:id', { params: { id: order.id }, signal }) */
export function generateClient(document: OpenApiDocument): { dts: string; js: string } {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  const title = `${document.info.title} ${document.info.version}`.replaceAll('*/', '')
  return { dts: typesOf(document, operations, title), js: runtimeOf(operations, title) }
}

function runtimeOf(operations: Operation[], title: string): string {
  const raw = operations
    .filter((operation) => operation.requestBody?.content['*/*'])
    .map((operation) => operation['x-route'])
  const part = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
  const sockets = operations.some((operation) => operation['x-socket'])
  // Pages of apps without sockets do not load what opens them.
  const runtime =
    part('./runtime.js').replace(
      '  // SOCKETS\n',
      sockets ? '  call.open = opener({ baseUrl, fetch, credentials, headersOf })\n' : '',
    ) + (sockets ? `\n${part('./socket.js')}` : '')
  return `/** Client of ${title}. Generated: do not edit. */\n\nconst RAW = new Set(${JSON.stringify(raw)})\n\n${runtime}`
}

function typesOf(document: OpenApiDocument, operations: Operation[], title: string): string {
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) => `${comment(schema, '')}export type ${identifier(name)} = ${typeOf(schema)}\n`,
  )
  return [
    `/** Client of ${title}. Generated: do not edit. */\n`,
    ...schemas,
    `/** Every route, with what it takes and what it answers. */\nexport interface Routes {\n${operations.map(routeOf).join('\n')}\n}\n`,
    ...(operations.some((operation) => operation['x-socket']) ? [socketsOf(operations), SOCKET] : []),
    `${CLIENT}${operations.some((operation) => operation['x-socket']) ? ' & Opener' : ''}${REST}`,
  ].join('\n')
}

/** What is said and heard on the routes that open sockets. */
function socketsOf(operations: Operation[]): string {
  const lines = operations.flatMap((operation) => {
    const socket = operation['x-socket']
    if (!socket) return []
    const sent = socket.receive ? typeOf(socket.receive, '  ') : 'never'
    return [`  ${JSON.stringify(operation['x-route'])}: { send: ${sent}; message: ${typeOf(socket.send, '  ')} }`]
  })
  return `/** Every route that opens a socket, with what is sent to it and what it tells. */\nexport interface Sockets {\n${lines.join('\n')}\n}\n`
}

const SOCKET = `export interface SocketListener<Message> {
  message?(message: Message): void
  /** It is open, the first time or again: from now on nothing is missed. Load the present state. */
  ready?(): void
  /** Something may have been missed: load the present state. */
  gap?(): void
  /** A message that was sent has been refused, or failed. */
  error?(error: ProblemError): void
  /** It is over: closed by either side for good. After a lost connection it is opened again instead. */
  closed?(closing: { code: number; reason: string }): void
}

export interface OpenSocket<Message> {
  /** What cannot be sent yet waits, up to 100 messages. What was given to a connection that is then lost may be lost. */
  send(message: Message): void
  close(code?: number, reason?: string): void
}

export interface Opener {
  /** Opens a WebSocket, and again when it is lost, with what was missed meanwhile. */
  open<Route extends keyof Sockets>(
    route: Route,
    options: Omit<NonNullable<Routes[Route]['args'][0]>, 'headers'>,
    on: SocketListener<Sockets[Route]['message']>,
  ): OpenSocket<Sockets[Route]['send']>
}
`

function routeOf(operation: Operation): string {
  const { summary, description, deprecated } = operation
  const about = { description: [summary, description].filter(Boolean).join(' '), deprecated: deprecated ?? false }
  const fields = [
    group('params', operation, 'path', 'string | number'),
    group('query', operation, 'query', undefined),
    group('headers', operation, 'header', 'string | number'),
    bodyOf(operation),
  ].filter((field) => field !== undefined)
  const required = fields.some((field) => field.required)
  const options =
    fields.length === 0 ? 'CallOptions' : `CallOptions & { ${fields.map((field) => field.text).join('; ')} }`
  return `${comment(about, '  ')}  ${JSON.stringify(operation['x-route'])}: { args: [options${required ? '' : '?'}: ${options}]; reply: ${replyOf(operation)} }`
}

interface Field {
  text: string
  required: boolean
}

/** `query: { page?: number }`; a value in the path may be anything that prints as one. */
function group(
  name: string,
  operation: Operation,
  where: Parameter['in'],
  type: string | undefined,
): Field | undefined {
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === where)
  if (parameters.length === 0) return undefined
  const required = parameters.some((parameter) => parameter.required)
  const fields = parameters.map((parameter) => {
    const schemaType = typeOf(parameter.schema, '  ')
    const valueType = type !== undefined && schemaType === 'string' ? type : schemaType
    return `${keyOf(parameter.name)}${parameter.required ? '' : '?'}: ${valueType}`
  })
  return { text: `${name}${required ? '' : '?'}: { ${fields.join('; ')} }`, required }
}

function bodyOf(operation: Operation): Field | undefined {
  const content = operation.requestBody?.content
  if (!content) return undefined
  if (content['*/*']) return { text: 'body: BodyInit', required: true }
  return { text: `body: ${typeOf(content['application/json']?.schema, '  ')}`, required: true }
}

/** The type of what a call gives: the JSON of the reply schema; without one, nothing or the bare Response. */
function replyOf(operation: Operation): string {
  const good = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1]
  const schema = good && 'content' in good ? good.content?.['application/json']?.schema : undefined
  return schema ? typeOf(schema, '  ') : 'Response | undefined'
}

const CLIENT = `export interface CallOptions {
  headers?: Record<string, string>
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal
}

export interface ClientOptions {
  /** Where the app is. Defaults to the origin of the page. */
  baseUrl?: string
  /** Headers of every call, such as \`authorization\`; a function is asked before each. */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>)
  /** Whether cookies are sent. Defaults to \`same-origin\`. */
  credentials?: 'omit' | 'same-origin' | 'include'
  fetch?: typeof fetch
}

/** Calls a route. Rejects with ProblemError when the app answers with an error. */
export type Client = (<Route extends keyof Routes>(route: Route, ...args: Routes[Route]['args']) => Promise<Routes[Route]['reply']>)`

const REST = `

export declare function createClient(options?: ClientOptions): Client

/** What the app answered in place of a reply. */
export declare class ProblemError extends Error {
  /** Permanent: what a program should look at. */
  readonly code: string
  readonly status: number
  /** Where the request is not valid. */
  readonly issues: { path: string; message: string }[]
  /** What a person should quote. */
  readonly requestId: string | undefined
}
`
