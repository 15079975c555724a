/** Parts of tenfold in servers that have nothing else of it: the same shop in each framework. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { startServer } from './server.ts'
import { describeShop } from './shop.ts'

/** What starts them, as their first lines say. */
const SERVERS = {
  Express: 'express/server.ts',
  Fastify: 'fastify/server.ts',
  Hono: 'hono/server.ts',
  NestJS: 'nestjs/start.ts',
}
const EXAMPLES = new URL('../../examples/existing/', import.meta.url)

const cache = mkdtempSync(join(tmpdir(), 'tenfold-existing-'))
after(() => rmSync(cache, { recursive: true, force: true }))

for (const [framework, file] of Object.entries(SERVERS))
  describeShop({
    framework,
    start: (env) => startServer([file], { cwd: EXAMPLES, env: { NODE_COMPILE_CACHE: cache, PORT: '0', ...env } }),
    // NestJS closes everything, and then sends itself the signal again.
    end: framework === 'NestJS' ? 'SIGTERM' : 0,
  })
