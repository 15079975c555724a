import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { openapi } from '../openapi/index.ts'
import { route, startServer, type TestServer } from '../testing/index.ts'
import { generateClient, typeOf } from './index.ts'

const Order = z
  .object({ id: z.string(), count: z.int(), state: z.enum(['open', 'paid']), note: z.string().nullable() })
  .meta({ id: 'Order' })
const routes = [
  route('POST /orders', {
    summary: 'Place an order',
    body: z.object({ product: z.string(), count: z.int().positive().default(1) }),
    reply: Order,
    handle: async ({ body }) => ({ id: 'o/1', state: 'open', note: null, ...(body as object) }),
  }),
  route('GET /orders/:id', {
    query: z.object({ tag: z.array(z.string()).optional() }),
    reply: z.object({ id: z.string(), tags: z.array(z.string()) }),
    handle: async ({ params, query }) => ({
      id: (params as { id: string }).id,
      tags: (query as { tag?: string[] }).tag ?? [],
    }),
  }),
  route('DELETE /orders/:id', { handle: async () => undefined }),
  route('POST /upload', {
    body: 'stream',
    reply: z.object({ bytes: z.number() }),
    handle: async ({ body }) => ({
      bytes: (await (body as { toArray(): Promise<Buffer[]> }).toArray()).reduce((sum, chunk) => sum + chunk.length, 0),
    }),
  }),
  route('GET /rooms/:room', {
    socket: { receive: z.object({ text: z.string() }), send: z.object({ from: z.string() }) },
    handle: async () => undefined,
  }),
]
const document = openapi(routes, { title: 'shop', version: '1.2.3' })

const RIGHT = `import { createClient, ProblemError } from './client.js'
const api = createClient({ baseUrl: 'http://x', headers: () => ({ a: 'b' }) })
const order = await api('POST /orders', { body: { product: 'mug' }, signal: AbortSignal.timeout(5) })
const state: 'open' | 'paid' = order.state
const note: string | null = order.note
const one = await api('GET /orders/:id', { params: { id: 5 }, query: { tag: ['a'] } })
const tags: string[] = one.tags
await api('GET /orders/:id', { params: { id: 'a' } })
await api('DELETE /orders/:id', { params: { id: 'a' } })
const { bytes } = await api('POST /upload', { body: new Blob(['a']) })
const room = api.open('GET /rooms/:room', { params: { room: 1 } }, { message: ({ from }) => console.log(from.length) })
room.send({ text: 'hello' })
try { await api('POST /orders', { body: { product: 'a', count: 2 } }) } catch (error) {
  if (error instanceof ProblemError) console.log(error.code, error.status, error.issues[0]?.path, state, note, tags, bytes)
}
`
const WRONG: [why: string, line: string][] = [
  ['a route that does not exist', `await api('GET /nowhere')`],
  ['no body', `await api('POST /orders')`],
  ['a field of the wrong type', `await api('POST /orders', { body: { product: 5 } })`],
  ['a missing field', `await api('POST /orders', { body: { count: 5 } })`],
  ['a field that is not declared', `await api('POST /orders', { body: { product: 'a', colour: 'red' } })`],
  ['missing params', `await api('GET /orders/:id')`],
  ['a query of the wrong type', `await api('GET /orders/:id', { params: { id: 1 }, query: { tag: 'a' } })`],
  ['a socket where there is none', `api.open('GET /orders/:id', { params: { id: 1 } }, {})`],
  [
    'a message that the socket does not take',
    `api.open('GET /rooms/:room', { params: { room: 1 } }, {}).send({ txt: '' })`,
  ],
  [
    'a message that it does not tell',
    `api.open('GET /rooms/:room', { params: { room: 1 } }, { message: (m) => m.text })`,
  ],
  ['a field that the reply does not have', `(await api('POST /orders', { body: { product: 'a' } })).price`],
]

describe('the generated client', () => {
  let folder: string
  let server: TestServer
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-client-'))
    const { dts, js } = generateClient(document)
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'client.js'), js)
    await writeFile(join(folder, 'client.d.ts'), dts)
    server = await startServer(routes)
  })
  after(async () => {
    await server?.stop()
    await rm(folder, { recursive: true })
  })

  test('types the right call, and refuses each wrong one', async () => {
    await writeFile(join(folder, 'right.ts'), RIGHT)
    for (const [index, [, line]] of WRONG.entries()) {
      await writeFile(
        join(folder, `wrong${index}.ts`),
        `import { createClient } from './client.js'\nconst api = createClient()\n${line}\n`,
      )
    }
    const errors = await compile(folder)
    assert.deepEqual(
      errors.filter((line) => line.startsWith('right') || line.startsWith('client')),
      [],
    )
    for (const [index, [why]] of WRONG.entries()) {
      assert.ok(
        errors.some((line) => line.startsWith(`wrong${index}.ts(3,`)),
        `${why} should not compile`,
      )
    }
  })

  test('calls the app, and turns its problems into errors with a code and issues', async () => {
    const { createClient, ProblemError } = await import(pathToFileURL(join(folder, 'client.js')).href)
    const api = createClient({ baseUrl: server.url })
    assert.deepEqual(await api('POST /orders', { body: { product: 'mug' } }), {
      id: 'o/1',
      count: 1,
      state: 'open',
      note: null,
    })
    assert.deepEqual(await api('GET /orders/:id', { params: { id: 'o/1 ?' }, query: { tag: ['a', 'b'] } }), {
      id: 'o/1 ?',
      tags: ['a', 'b'],
    })
    assert.equal(await api('DELETE /orders/:id', { params: { id: 1 } }), undefined)
    assert.deepEqual(await api('POST /upload', { body: new Blob(['hello']) }), { bytes: 5 })
    await assert.rejects(api('POST /orders', { body: { count: 0 } }), (error: InstanceType<typeof ProblemError>) => {
      assert.ok(error instanceof ProblemError)
      assert.deepEqual([error.code, error.status], ['TF_INVALID', 400])
      assert.deepEqual(
        error.issues.map((issue: { path: string }) => issue.path),
        ['product', 'count'],
      )
      return true
    })
    await assert.rejects(api('GET /orders/:id', {}), TypeError)
    await assert.rejects(api('GET /orders/:id', { params: { id: 1 }, signal: AbortSignal.abort() }), {
      name: 'AbortError',
    })
  })

  test('is served by the app, beside the document and a page that loads nothing from elsewhere', async () => {
    assert.match(await (await server.get('/client.js')).text(), /export function createClient/)
    assert.match(await (await server.get('/client.d.ts')).text(), /"POST \/orders"/)
    assert.deepEqual(await (await server.get('/openapi.json')).json(), JSON.parse(JSON.stringify(document)))
    const page = await server.get('/docs')
    const text = await page.text()
    assert.match(page.headers.get('content-security-policy')!, /default-src 'self'/)
    assert.doesNotMatch(text, /https?:\/\/|<script>|onclick=|style=/)
    for (const [, path] of text.matchAll(/(?:src|href)="(\/[^"]*)"/g))
      assert.equal((await server.get(path!)).status, 200, path)
    const etag = page.headers.get('etag')!
    assert.equal((await server.get('/docs', { headers: { 'if-none-match': etag } })).status, 304)
  })
})

test('JSON Schema becomes TypeScript', () => {
  const cases: [schema: Parameters<typeof typeOf>[0], type: string][] = [
    [{ type: 'string', format: 'date-time' }, 'string'],
    [{ type: ['string', 'null'] }, 'string | null'],
    [{ type: 'array', items: { type: ['integer', 'null'] } }, '(number | null)[]'],
    [{ enum: ['a', 1, null] }, '"a" | 1 | null'],
    [{ const: true }, 'true'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string | null'],
    [{ oneOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/B-1' }] }, 'A | B_1'],
    [
      { allOf: [{ $ref: '#/components/schemas/A' }, { anyOf: [{ type: 'string' }, { type: 'number' }] }] },
      'A & (string | number)',
    ],
    [{ type: 'object', additionalProperties: { type: 'number' } }, 'Record<string, number>'],
    [{ type: 'object' }, 'Record<string, unknown>'],
    [{ type: 'array', prefixItems: [{ type: 'string' }], items: false }, '[string]'],
    [{ type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'number' } }, '[string, ...number[]]'],
    [
      { type: 'object', properties: { 'a-b': { type: 'boolean' }, c: {} }, required: ['c'] },
      '{\n  "a-b"?: boolean\n  c: unknown\n}',
    ],
    [{ not: {} }, 'never'],
    [{}, 'unknown'],
    [true, 'unknown'],
  ]
  for (const [schema, type] of cases) assert.equal(typeOf(schema), type)
})

/** The errors of the compiler for a folder, one a line: `file.ts(line,column): error …`. */
async function compile(folder: string): Promise<string[]> {
  const tsconfig = {
    compilerOptions: {
      target: 'es2024',
      lib: ['es2024', 'dom'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: [],
    },
    include: ['*.ts'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin/tsc')
  const output = await promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
    cwd: folder,
  }).catch((error: { stdout: string }) => error)
  return output.stdout.split('\n').filter((line) => line.includes('error TS'))
}
