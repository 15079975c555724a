/** The shop on Next.js: built once, then served by `next start`, with the package as it is published, which Next.js leaves to
 *  Node.js to load. Its jobs run in a process of their own. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { plainDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import { buildTenfold } from '../../scripts/packages/index.ts'
import { run } from '../../scripts/test/step.ts'
import { startServer, type Server } from './server.ts'
import { describeShop, until } from './shop.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/existing/', import.meta.url))
const NEXT = createRequire(import.meta.url).resolve('next/dist/bin/next')
const ENV = { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' }

/** Below the examples, so that everything but tenfold is found where npm has put it. */
let folder: string
before(async () => {
  mkdirSync(join(EXAMPLES, 'dist'), { recursive: true })
  folder = mkdtempSync(join(EXAMPLES, 'dist/next-'))
  for (const name of ['next', 'orders.ts', 'shop.ts', 'package.json'])
    cpSync(join(EXAMPLES, name), join(folder, name), { recursive: true })
  await buildTenfold(join(folder, 'node_modules/tenfold'))
  const { code, output } = await run(process.execPath, [NEXT, 'build', '--webpack'], {
    cwd: join(folder, 'next'),
    env: { ...process.env, ...ENV },
  })
  assert.equal(code, 0, output)
})
after(() => rmSync(folder, { recursive: true, force: true }))

// Next.js ends with what a shell says of one that was ended by this signal.
describeShop({ framework: 'Next.js', start, end: 143 })

async function start(env: Record<string, string>, ...nodeArgs: string[]): Promise<Server> {
  const args = [...nodeArgs, NEXT, 'start', '--port', '0', '--hostname', '127.0.0.1']
  const server = await startServer(args, { cwd: join(folder, 'next'), env: { ...ENV, ...env } })
  if (env.WORKER === 'off') return server
  const worker = await startServer(['worker.ts'], {
    cwd: join(folder, 'next'),
    env: { ...ENV, ...env },
    ready: /^working$/,
  })
  return {
    ...server,
    async end(signal) {
      await worker.end(signal)
      return server.end(signal)
    },
  }
}

test('observed without a change: its routes and the statements of its handlers are on the console', async () => {
  const database = await plainDatabase()
  const token = 'a token of more than sixteen characters'
  const observed = {
    TENFOLD_CONSOLE_TOKEN: token,
    TENFOLD_OBSERVE_URL: database.url,
    TENFOLD_OBSERVE_PORT: '0',
    TENFOLD_OBSERVE_EVERY: '300ms',
  }
  const server = await start({ DATABASE_URL: database.url, WORKER: 'off', ...observed }, '--import', 'tenfold/observe')
  try {
    for (const path of ['/orders/1', '/orders/2', '/prices/mug']) await fetch(server.url + path).then((r) => r.text())
    let console_: string | undefined
    await until(
      async () => (console_ = /is observed: .*(http:\/\/localhost:\d+)/.exec(server.said())?.[1]) !== undefined,
    )
    const asked = async <T>(path: string): Promise<T> =>
      (await fetch(`${console_}/api/${path}`, { headers: { authorization: `Bearer ${token}` } })).json() as Promise<T>
    await until(async () => {
      const routes = await asked<{ name: string; requests: number }[]>('routes')
      const requests = (name: string): number => routes.find((route) => route.name === name)?.requests ?? 0
      return requests('GET /orders/[id]') === 2 && requests('GET /prices/[product]') === 1
    })
    const queries = await asked<{ text: string; calls: number }[]>('queries')
    assert.equal(queries.find(({ text }) => text.includes('from orders o left join receipt'))?.calls, 2)
  } finally {
    await server.end('SIGKILL')
    await database.close()
  }
})
