import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'

const INDEX = new URL('./index.ts', import.meta.url).href

/** Runs the program in a process of its own, and keeps its output unread until `read` is called. */
function program(source: string) {
  const child = spawn(
    process.execPath,
    ['--input-type=module-typescript', '-e', `import { createTelemetry } from '${INDEX}'\n${source}`],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdout.pause()
  return {
    child,
    errors: () => errors,
    async read(): Promise<string> {
      let out = ''
      for await (const chunk of child.stdout) out += String(chunk)
      return out
    },
  }
}

test('all lines are written before a process ends by itself, in order, as JSON', async () => {
  const { read } = program(`
    const telemetry = createTelemetry({ service: 's', env: 'production' })
    for (let i = 0; i < 2000; i++) telemetry.log.info('line', { i })
    await telemetry.close()`)
  const lines = (await read())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { i: number })
  assert.deepEqual(
    lines.map(({ i }) => i),
    Array.from({ length: 2000 }, (_, i) => i),
  )
})

test('when nobody reads the output, the app goes on, memory stays bounded, and the lost lines are counted', async () => {
  const { child, read, errors } = program(`
    const telemetry = createTelemetry({ service: 's', env: 'production', maxLogBytes: 256 * 1024 })
    const text = 'x'.repeat(1000)
    const before = process.memoryUsage.rss()
    for (let i = 0; i < 50_000; i++) {
      telemetry.log.info(text, { i })
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    process.stderr.write(JSON.stringify({ ...telemetry.drops(), grown: process.memoryUsage.rss() - before }))
    process.exit(0)`)
  const deadline = Date.now() + 30_000
  while (!errors().includes('}') && Date.now() < deadline) await after(20)
  const { logLines, grown } = JSON.parse(errors()) as { logLines: number; grown: number }
  assert.ok(logLines > 40_000, `${logLines} dropped`)
  assert.ok(grown < 200 * 1024 * 1024, `grew by ${grown} bytes`)
  child.kill()
  void read().catch(() => {})
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
})
