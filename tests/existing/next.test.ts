/** The shop on Next.js: built once, then served by `next start`, with the package as it is published, which Next.js leaves to
 *  Node.js to load. Its jobs run in a process of their own. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildTenfold } from '../../scripts/packages/index.ts'
import { run } from '../../scripts/test/step.ts'
import { startServer, type Server } from './server.ts'
import { describeShop } from './shop.ts'

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

async function start(env: Record<string, string>): Promise<Server> {
  const args = [NEXT, 'start', '--port', '0', '--hostname', '127.0.0.1']
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
