/** What `tenfold deploy` writes for Prometheus and Grafana, on a shop that runs: each panel asks for what is there. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import shopApp from '../../examples/shop/app.ts'
import { newKey, openShop, orderOf, type Shop } from '../../examples/shop/tests/shop.ts'
import { CATALOGUE, checkAlerts } from '../../packages/tenfold/src/alerts/index.ts'
import { businessMetrics } from '../../packages/tenfold/src/app/index.ts'
import { DEFAULTS, planOf, type Facts } from '../../packages/tenfold/src/deploy/index.ts'
import { freePort } from '../../packages/tenfold/src/deploy/testing/index.ts'
import { prometheusName } from '../../packages/tenfold/src/telemetry/index.ts'
import { installed } from './programs.ts'

const FACTS: Facts = {
  ...DEFAULTS,
  app: 'shop',
  modules: shopApp.modules.map(({ name }) => name),
  settings: [],
  alerts: checkAlerts({}),
  metrics: businessMetrics(shopApp.modules),
}
const TOKEN = 'a-token-for-scrapers'

interface Panel {
  title: string
  type: string
  targets?: { expr: string }[]
}
interface Series {
  metric: Record<string, string>
}

const skip = installed('prometheus') ? false : 'prometheus is not installed: scripts/setup'

describe('what is written for Prometheus and Grafana', { skip }, () => {
  let shop: Shop
  let folder: string
  let prometheus: { api: string; stop(): Promise<void> }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-observe-'))
    const port = await freePort()
    shop = await openShop({
      roles: ['web', 'worker', 'cron'],
      config: { alerts: { every: '1s' } },
      // In tests nobody is turned away, and no metric is about that.
      variables: { NODE_ENV: 'development', METRICS_PORT: String(port), METRICS_TOKEN: TOKEN },
    })
    prometheus = await startPrometheus(folder, port)
    const carla = await shop.customer()
    const order = orderOf(await shop.product())
    assert.equal((await carla.post('/orders', order, newKey())).status, 201)
    await shop.app.drain()
    await carla.get('/products')
  })
  after(async () => {
    await prometheus?.stop()
    await shop?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = async <T>(question: string): Promise<T> => {
    const answer = (await (await fetch(`${prometheus.api}/${question}`)).json()) as Answer<T>
    if (answer.status !== 'success') throw new TypeError(`${question}: ${answer.error}`)
    return answer.data
  }
  const series = async (expr: string): Promise<Series[]> =>
    (await ask<{ result: Series[] }>(`query?query=${encodeURIComponent(expr.replaceAll('$__rate_interval', '30s'))}`))
      .result

  test('each panel of the dashboard shows something of a shop in which somebody buys', async () => {
    const panels = panelsOf(FACTS, 3)
    assert.ok(panels.length > 30, String(panels.length))
    for (const { title, targets = [] } of panels)
      for (const { expr } of targets)
        await eventually(`"${title}" is empty: ${expr}`, async () => (await series(expr)).length > 0)
    // A name that nobody exports is empty, and half a query is refused.
    assert.equal((await series('http_server_requests_duration_seconds')).length, 0)
    await assert.rejects(series('sum(up'), TypeError)
  })

  test('panels of later stages are about metrics that replicas and Redis have', async () => {
    const known = Object.entries(CATALOGUE).map(([name, about]) => prometheusName({ name, ...about }))
    const now = new Set(panelsOf(FACTS, 3).map(({ title }) => title))
    const later = panelsOf(FACTS, 6).filter(({ title }) => !now.has(title))
    assert.ok(later.length >= 2)
    for (const { title, targets = [] } of later)
      for (const { expr } of targets) {
        await series(expr)
        assert.ok(
          known.some((name) => expr.includes(name)),
          `${title}: ${expr}`,
        )
      }
  })

  test('a job of the app stays one, and is not taken for a job of Prometheus', async () => {
    const jobs = (await series('count by (job) (tenfold_job_duration_seconds_count)')).map(({ metric }) => metric.job)
    assert.ok(jobs.includes('orders.charge-order'), jobs.join())
    assert.equal((await series('{exported_job!=""}')).length, 0)
  })

  test('all alert rules are loaded, and none of them fails', async () => {
    const rules = await eventually('the rules were not evaluated', async () => {
      const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules')
      const all = groups.flatMap((group) => group.rules)
      return all.length > 0 && all.every(({ health }) => health !== 'unknown') && all
    })
    assert.deepEqual(
      rules.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => `${name}: ${lastError}`),
      [],
    )
    assert.ok(rules.length > 25, String(rules.length))
  })
})

interface Rule {
  name: string
  health: string
  lastError?: string
}
type Answer<T> = { status: 'success'; data: T } | { status: 'error'; error: string }

function panelsOf(facts: Facts, stage: 3 | 6): Panel[] {
  const { files } = planOf(facts, stage, ['machines'])
  const { text } = files.find(({ path }) => path.endsWith('dashboards/shop.json'))!
  return (JSON.parse(text) as { panels: Panel[] }).panels.filter(({ type }) => type !== 'row')
}

/** With the files as they are written, but for where the token, the rules and the app are, and how often it looks. */
async function startPrometheus(folder: string, target: number): Promise<{ api: string; stop(): Promise<void> }> {
  const port = await freePort()
  for (const { path, text } of planOf(FACTS, 3, ['machines']).files) {
    if (!path.includes('/etc/prometheus/')) continue
    const file = join(folder, path.replace(/.*\/etc\/prometheus\//, ''))
    await mkdir(dirname(file), { recursive: true })
    const here = text
      .replaceAll('/etc/prometheus', folder)
      .replaceAll(/_interval: 15s/g, '_interval: 1s')
      .replace(/ +- app-1:9464\n[^]*/, `          - 127.0.0.1:${target}\n`)
    await writeFile(file, here)
  }
  await writeFile(join(folder, 'shop.token'), TOKEN)
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  )
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  return {
    api: `http://127.0.0.1:${port}/api/v1`,
    stop() {
      child.kill()
      return ended
    },
  }
}

async function eventually<T>(what: string, look: () => Promise<T | false>): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const seen = await look().catch((error: unknown) => {
      if (error instanceof TypeError && error.message !== 'fetch failed') throw error
      return false as const
    })
    if (seen !== false) return seen
    if (Date.now() > deadline) throw new Error(what)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
