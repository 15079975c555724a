import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createTelemetry } from '../telemetry/index.ts'
import { startCompanion } from './companions.ts'

describe('companions', () => {
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  let folder: string
  const script = async (name: string, code: string): Promise<URL> => {
    await writeFile(join(folder, name), code)
    return pathToFileURL(join(folder, name))
  }
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'tenfold-companion-'))))
  after(async () => {
    await rm(folder, { recursive: true })
    await telemetry.close()
  })

  const SERVER = `import { createServer } from 'node:http'
    const server = createServer((q, s) => s.end(String(process.pid)))
    server.listen(process.env.PORT, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))`

  test('a companion answers under the URL that it printed, and is gone after stop', async () => {
    const companion = await startCompanion('X_URL', await script('good.mjs', SERVER), telemetry)
    const pid = Number(await (await fetch(companion.url)).text())
    await companion.stop()
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  test('a script that prints something else, or dies, is named with its reason', async () => {
    await assert.rejects(
      startCompanion(
        'X_URL',
        await script('chatty.mjs', `console.log('hello'); setInterval(() => {}, 1000)`),
        telemetry,
      ),
      {
        code: 'TF_COMPANION_FAILED',
        message: /its first line is 'hello'/,
      },
    )
    await assert.rejects(
      startCompanion('X_URL', await script('broken.mjs', `throw new Error('no ledger')`), telemetry),
      {
        code: 'TF_COMPANION_FAILED',
        message: /ended with code 1[\s\S]*no ledger/,
      },
    )
  })

  test('a companion ends when its app was killed', async () => {
    const good = await script('orphan.mjs', SERVER)
    const owner = await script(
      'owner.mjs',
      `import { startCompanion } from ${JSON.stringify(new URL('./companions.ts', import.meta.url).href)}
       import { createTelemetry } from ${JSON.stringify(new URL('../telemetry/index.ts', import.meta.url).href)}
       const c = await startCompanion('X_URL', new URL(${JSON.stringify(good.href)}), createTelemetry({ service: 'x', env: 'test', level: 'silent' }))
       console.log(await (await fetch(c.url)).text())
       setInterval(() => {}, 1000)`,
    )
    const child = spawn(process.execPath, [owner.pathname], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = await new Promise<number>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(Number(data))),
    )
    child.kill('SIGKILL')
    const deadline = Date.now() + 5000
    for (;;) {
      try {
        process.kill(pid, 0)
      } catch {
        break
      }
      assert.ok(Date.now() < deadline, 'the companion outlived its app')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
})
