import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { openapi } from '../openapi/index.ts'
import { route } from '../testing/index.ts'
import { generateClient } from './index.ts'

interface Generated {
  createClient(options: { fetch: typeof fetch }): (route: string) => Promise<unknown>
}

test('the client tells whichever instance answers next where the database was after its last write', async () => {
  const routes = [route('POST /orders', { handle: async () => undefined })]
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-client-'))
  const file = join(folder, 'client.mjs')
  await writeFile(file, generateClient(openapi(routes, { title: 'shop', version: '1.0.0' })).js)
  const { createClient } = (await import(pathToFileURL(file).href)) as Generated
  const sent: (string | null)[] = []
  const answers = ['a.1.1.1', undefined, 'a.1.2.1']
  const call = createClient({
    fetch: async (_, init) => {
      sent.push(new Headers(init!.headers).get('x-tenfold-position'))
      const position = answers.shift()
      return new Response(null, { status: 204, headers: position ? { 'x-tenfold-position': position } : {} })
    },
  })
  for (let n = 0; n < 4; n++) await call('POST /orders')
  assert.deepEqual(sent, [null, 'a.1.1.1', 'a.1.1.1', 'a.1.2.1'])
  await rm(folder, { recursive: true })
})
