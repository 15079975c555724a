/** What a running app knows of its backups. The alert itself is in `npm run prove -- backups`. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { startPrimary } from '../database/testing/index.ts'
import type { Overview } from '../inspect/index.ts'
import { defineModule } from '../modules/index.ts'
import { app, type Instance } from './index.ts'

/** Due long ago, and not again while the test runs. */
const YEARLY = `0 0 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`

test('an app says that a backup is missing, in its console and its metrics, until there is one', async (t) => {
  // A server of its own: a base backup is one of all databases.
  const primary = await startPrimary()
  t.after(() => primary.close())
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-app-backups-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  const to = pathToFileURL(join(folder, 'backups')).href
  const instance = await app({ name: 'kept', modules: [defineModule('kept').build({ parts: [] })] }).start({
    roles: ['worker', 'cron', 'console'],
    migrate: true,
    config: { backup: { schedule: YEARLY, to, log: false } },
    variables: {
      NODE_ENV: 'test',
      DATABASE_URL: primary.adminUrl,
      SECRET_KEY: 'a secret key for tests, and nothing else',
      STORAGE_URL: pathToFileURL(join(folder, 'files')).href,
      CONSOLE_PORT: '0',
      LOG_LEVEL: 'fatal',
    },
  })
  t.after(() => instance.stop())

  await until('the metric says so', () => missed(instance) === 1)
  assert.deepEqual(await backupOf(instance), { missed: true })

  await instance.crons.runNow('tenfold.backup')
  await until('there is one', () => missed(instance) === 0)
  const { last, ...rest } = (await backupOf(instance))!
  assert.deepEqual(rest, { missed: false })
  assert.ok(last!.size > 0 && Date.parse(last!.finishedAt) > Date.now() - 600_000)
})

const missed = ({ telemetry }: Instance): number | undefined =>
  telemetry.metrics.snapshot().find(({ name }) => name === 'tenfold.backup.missed')?.value

async function backupOf({ consoleUrl }: Instance): Promise<Overview['backup']> {
  const reply = await fetch(new URL('/api/overview', consoleUrl))
  return ((await reply.json()) as Overview).backup
}

async function until(what: string, check: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!check()) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
