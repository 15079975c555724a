/** Rows for the console's pages, made by hand: ordinary ones, long ones, and hostile ones. What the pages do with them is
 *  what is tried here; the data of a running app is tried with the running app. */
import { readFileSync } from 'node:fs'
import { advise, viewOf } from '../../packages/tenfold/src/advisor/index.ts'
import type { Evidence } from '../../packages/tenfold/src/evidence/index.ts'
import type { ConsoleSource, IndexAdvice } from '../../packages/tenfold/src/console/index.ts'
import { sampleAlerts, sampleBusiness } from './sample-alerts.ts'
import { sampleBackup, sampleCaches, sampleHeat, sampleIndexes, sampleLimits } from './sample-figures.ts'
import { sampleLoadRuns } from './sample-load.ts'
import { sampleTwinRuns } from './sample-twin.ts'
import { sampleWebhooks } from './sample-webhooks.ts'
import type * as api from '../../packages/tenfold/src/inspect/index.ts'

/** Would set `window.hacked` if any page took it for markup. */
export const HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'

export interface Sample extends ConsoleSource {
  /** What was asked to be done, in order. */
  readonly actions: string[]
  /** Tells the pages that there is new data. */
  announce(): void
  /** Whether a page follows. */
  followed(): boolean
  addLog(message: string, level?: api.LogRow['level']): void
  empty(): void
}

export function sampleSource(env: api.Overview['env'] = 'development'): Sample {
  const now = Date.now()
  const actions: string[] = []
  const listeners = new Set<() => void>()
  let data = rows(now)
  let indexes: IndexAdvice = { status: 'never' }

  return {
    actions,
    followed: () => listeners.size > 0,
    announce: () => listeners.forEach((listener) => listener()),
    addLog: (message, level = 'info') => {
      data.logs.unshift(log(`l${data.logs.length}`, Date.now(), level, message, {}))
    },
    empty: () => {
      data = {
        routes: [],
        traces: [],
        queries: [],
        summary: [],
        jobs: [],
        crons: [],
        logs: [],
        mails: [],
        findings: [],
      }
    },
    overview: async ({ minutes }) => overview(now, minutes, env, data.routes.length === 0),
    routes: async () => data.routes,
    calls: async () => [],
    heat: async ({ minutes }) => sampleHeat(now, minutes, data.routes.length === 0),
    queries: async () => data.queries,
    findings: async () => data.findings,
    traces: async ({ kind, name, min, error, before, limit }) =>
      data.traces
        .filter((t) => (!kind || t.kind === kind) && (!name || t.name.includes(name)) && t.durationMs >= (min ?? 0))
        .filter((t) => (!error || t.error !== undefined) && (!before || t.startedAt < before))
        .slice(0, limit),
    trace: async (id) => {
      const summary = data.traces.find((t) => t.traceId === id)
      return (
        summary && {
          ...summary,
          droppedSpans: 2,
          findings: data.findings.slice(0, 1),
          tree: spans(summary),
          logs: data.logs.filter((l) => l.traceId === id),
        }
      )
    },
    jobSummary: async () => data.summary,
    jobs: async ({ state, name, before, limit }) =>
      data.jobs
        .filter((j) => (!state || j.state === state) && (!name || j.name === name) && (!before || j.id < before))
        .slice(0, limit),
    job: async (id) => {
      const row = data.jobs.find((j) => j.id === id)
      return row && jobDetail(row)
    },
    retryJob: async (id) => actions.push(`retry ${id}`) > 0,
    discardJob: async (id) => actions.push(`discard ${id}`) > 0,
    cancelJob: async (id) => actions.push(`cancel ${id}`) > 0,
    pauseJobs: async (name) => actions.push(`pause ${name}`) > 0,
    resumeJobs: async (name) => actions.push(`resume ${name}`) > 0,
    crons: async () => data.crons,
    runCron: async (name) => (actions.push(`run ${name}`), { jobId: 'j0001' }),
    logs: async ({ level, search, trace, limit, before }) =>
      data.logs
        .filter((l) => (!level || LEVELS.indexOf(l.level) >= LEVELS.indexOf(level)) && (!trace || l.traceId === trace))
        .filter(
          (l) =>
            (!search || l.message.includes(search)) && (!before || Number(l.id.slice(1)) < Number(before.slice(1))),
        )
        .slice(0, limit),
    load: sampleLoadRuns(now, HOSTILE),
    level: {
      now: () => ({ level: 'info' }),
      set: async (level, minutes) => {
        actions.push(`log ${level} for ${minutes} minutes`)
        return { level, until: now + minutes * 60_000 }
      },
    },
    caches: async () => (data.routes.length === 0 ? { caches: [], points: [] } : sampleCaches(HOSTILE, now)),
    limits: async () => (data.routes.length === 0 ? { limits: [], points: [] } : sampleLimits(HOSTILE, now)),
    twinRuns: async () => (data.routes.length === 0 ? [] : sampleTwinRuns(now, HOSTILE)),
    indexes: {
      state: () => indexes,
      look: (days) => {
        actions.push(`look for indexes of ${days} days`)
        indexes = sampleIndexes(HOSTILE, now, days)
      },
    },
    sessions: {
      list: async (user) =>
        ['7f3a', 'b1c2'].map((ref, i) => ({
          ref,
          userId: user,
          data: {},
          createdAt: now - 86_400_000 * (i + 1),
          lastSeenAt: now - 60_000 * i,
          expiresAt: now + 86_400_000,
          userAgent: i === 0 ? 'Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0' : HOSTILE,
          network: '192.0.2.0/24',
        })),
      revokeListed: async (user, ref) => actions.push(`end ${user} ${ref}`) > 0,
      revokeAll: async (user) => actions.push(`end all ${user}`),
    },
    files: {
      list: async (prefix) => {
        const keys = ['media/avatars/1.webp', 'orders/exports/2026-11.csv', `shop/${HOSTILE}.pdf`]
        const files = keys
          .filter((key) => key.startsWith(prefix))
          .map((key, i) => ({ key, size: 10 ** (i + 3), contentType: 'image/webp', sha256: 'ab', modifiedAt: now }))
        return files.length === 3 ? { files, next: 'shop/z' } : { files }
      },
    },
    webhooks: sampleWebhooks(now, HOSTILE, actions),
    advice: async () => advice(),
    alerts: sampleAlerts(now, HOSTILE, actions),
    business: async () => sampleBusiness(now, HOSTILE),
    mails: async () => data.mails,
    mail: async (id) => data.mails.find((m) => m.id === id),
    onData(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** A recorded verdict, of an app whose routes and statements are not to be trusted. */
function advice(): ReturnType<typeof viewOf> {
  const file = new URL('../../packages/tenfold/src/advisor/fixtures/a-slow-partner.json', import.meta.url)
  const evidence = JSON.parse(readFileSync(file, 'utf8')) as Evidence
  const routes = evidence.routes.map((route) => (route.outgoing > 0 ? { ...route, name: HOSTILE } : route))
  return viewOf(advise({ ...evidence, routes }, { leastSeconds: 1, leastRequests: 1 }))
}

const LEVELS: api.LogRow['level'][] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

interface Rows {
  routes: api.RouteStats[]
  traces: api.TraceSummary[]
  queries: api.QueryStats[]
  summary: api.JobSummary[]
  jobs: api.JobRow[]
  crons: api.CronRow[]
  logs: api.LogRow[]
  mails: api.MailDetail[]
  findings: api.FindingRow[]
}

function rows(now: number): Rows {
  return {
    routes: [
      route('POST /orders', 'orders', 4_210, 12, 38, 140, 310, 11.2),
      route('GET /products', 'catalog', 38_400, 0, 4.2, 11, 24, 2),
      route('GET /products/:id', 'catalog', 21_090, 1, 1.1, 3.4, 9.8, 0.4),
      route('POST /login', 'auth', 930, 41, 92, 130, 180, 3),
      route('GET /orders/export.csv', 'orders', 14, 0, 2_400, 9_100, 12_800, 220),
      route(`GET /${HOSTILE}`, 'catalog', 3, 3, 1, 1, 1, 0),
    ],
    traces: Array.from({ length: 240 }, (_, i) => trace(i, now)),
    queries: [
      query(
        'q1',
        'select * from "orders" where "user_id" = $1 order by "placed_at" desc limit $2',
        'orders',
        31_000,
        4.1,
        18,
        12,
      ),
      query(
        'q2',
        'select "id", "name", "price_cents", "stock" from "products" where "search" @@ websearch_to_tsquery($1) order by ts_rank("search", websearch_to_tsquery($2)) desc limit $3',
        'catalog',
        38_400,
        2.2,
        6.1,
        20,
      ),
      query(
        'q3',
        'insert into "orders" ("id", "user_id", "total_cents") values ($1, $2, $3) returning *',
        'orders',
        4_210,
        0.9,
        2,
        1,
      ),
      query('q4', `select '${HOSTILE}'`, 'catalog', 3, 0.2, 0.3, 1),
    ],
    summary: [
      {
        name: 'notifications.send-receipt',
        waiting: 14,
        delayed: 3,
        running: 2,
        dead: 1,
        doneLastHour: 4_190,
        failedLastHour: 22,
        oldestWaitingMs: 1_900,
        meanRunMs: 84,
      },
      {
        name: 'media.resize-avatar',
        waiting: 0,
        delayed: 0,
        running: 0,
        dead: 0,
        doneLastHour: 61,
        failedLastHour: 0,
        oldestWaitingMs: 0,
        meanRunMs: 310,
      },
      {
        name: 'orders.score-fraud',
        waiting: 2,
        delayed: 0,
        running: 1,
        dead: 0,
        doneLastHour: 4_208,
        failedLastHour: 0,
        oldestWaitingMs: 120,
        meanRunMs: 21,
      },
    ],
    jobs: Array.from({ length: 130 }, (_, i) => job(i, now)).reverse(),
    crons: [
      cron('orders.expire-carts', '*/5 * * * *', 'every 5 minutes', now, 300_000, 58),
      cron('orders.daily-sales', '15 3 * * *', 'at 03:15 every day', now, 86_400_000, 14),
    ],
    logs: [
      log(
        'l900',
        now - 1_000,
        'info',
        'request finished',
        { method: 'POST', route: '/orders', status: 201, ms: 41.2 },
        'trace0000',
      ),
      log('l899', now - 1_400, 'warn', HOSTILE, { userAgent: HOSTILE }),
      log(
        'l898',
        now - 2_000,
        'error',
        'payment provider did not answer within 2,000 ms',
        { provider: 'http://127.0.0.1:4010', attempt: 2 },
        'trace0003',
      ),
      ...Array.from({ length: 160 }, (_, i) =>
        log(`l${897 - i}`, now - 3_000 - i * 900, 'info', 'request finished', {
          method: 'GET',
          route: '/products',
          status: 200,
          ms: 4 + (i % 9),
        }),
      ),
    ],
    mails: [
      mail(
        'm2',
        now - 40_000,
        'Your receipt for order 8f2c',
        `<style>body{font-family:sans-serif;color:#333}h1{width:321px}</style><h1>Thank you</h1><p>Your order is on its way.</p>${HOSTILE}<img src="https://tracker.invalid/p.gif">`,
      ),
      mail('m1', now - 90_000, HOSTILE),
    ],
    findings: [
      finding('f1', 'n-plus-one', 'POST /orders', 'modules/orders/checkout.ts:41', now),
      finding('f2', 'repeat-read', `GET /${HOSTILE}`, `${HOSTILE}:1`, now),
      slowCall(now),
    ],
  }
}

function route(
  name: string,
  module: string,
  requests: number,
  errors: number,
  p50: number,
  p95: number,
  p99: number,
  queriesPerRequest: number,
): api.RouteStats {
  return { name, module, requests, errors, p50, p95, p99, totalMs: requests * p50 * 1.3, queriesPerRequest }
}

function query(
  fingerprint: string,
  text: string,
  module: string,
  calls: number,
  meanMs: number,
  p95: number,
  each: number,
): api.QueryStats {
  return { fingerprint, text, module, calls, totalMs: calls * meanMs, meanMs, p95, rows: calls * each }
}

function trace(i: number, now: number): api.TraceSummary {
  const kinds = ['request', 'request', 'request', 'job', 'cron'] as const
  const kind = kinds[i % kinds.length]!
  const names = {
    request: ['POST /orders', 'GET /products', 'POST /login'][i % 3]!,
    job: 'notifications.send-receipt',
    cron: 'orders.expire-carts',
  }
  const failed = i % 17 === 3
  return {
    traceId: `trace${String(i).padStart(4, '0')}`,
    kind,
    name: names[kind],
    module: 'orders',
    startedAt: now - 1_000 - i * 700,
    durationMs: 20 + ((i * 37) % 400),
    ...(kind === 'request' && { status: failed ? 500 : i % 11 === 5 ? 422 : 200 }),
    ...(failed && { error: i === 3 ? HOSTILE : 'connect ECONNREFUSED 127.0.0.1:4010' }),
    ...(kind === 'request' && i % 2 === 0 && { userId: `user-${1000 + i}` }),
    spans: 14,
    queries: 9,
  }
}

function finding(
  id: string,
  code: api.FindingRow['code'],
  name: string,
  callSite: string,
  now: number,
): api.FindingRow {
  const query = 'select "name", "price" from "products" where "id" = ?'
  return {
    id,
    code,
    origin: { kind: 'request', name },
    module: 'orders',
    title: `N+1 in ${name}: one query for each row, 7 times`,
    says: `${query} ran 7 times, once for each 'product_id' in the result of: select * from "cart_lines" ${HOSTILE}`,
    fix: "Ask once for all values of 'product_id': `where id = any($1)`, or a loader (`m.loader`).",
    query,
    times: 7,
    callSite,
    function: 'place',
    source: { kind: 'query', query: 'select * from "cart_lines" where "user_id" = ?', column: 'product_id' },
    firstSeen: now - 86_400_000,
    lastSeen: now - 4_000,
    contexts: 3_012,
    share: 0.71,
    meanRepeats: 6.4,
  }
}

function slowCall(now: number): api.FindingRow {
  const { source: _none, ...row } = finding('f3', 'slow-call', 'POST /orders', 'modules/billing/provider.ts:24', now)
  return {
    ...row,
    title: 'Slow call in the request path: POST /orders waits for payments.example',
    says: 'POST payments.example/charges took 412 ms, 83 % of the request.',
    fix: 'Answer first and call later: put the call into a job (`m.job`) and enqueue it in the transaction of the request.',
    query: 'POST payments.example/charges',
    times: 1,
    meanRepeats: 1,
    contexts: 41,
    waited: { host: 'payments.example', ms: 412.3, share: 0.83 },
  }
}

function spans(summary: api.TraceSummary): api.TraceDetail['tree'] {
  const d = summary.durationMs
  const span = (
    spanId: string,
    parentId: string | undefined,
    kind: string,
    name: string,
    from: number,
    length: number,
    attributes: Record<string, string | number | boolean> = {},
    error?: string,
  ) => ({
    spanId,
    ...(parentId && { parentId }),
    kind,
    name,
    module: 'orders',
    offsetMs: d * from,
    durationMs: d * length,
    attributes,
    ...(error && { error }),
  })
  return [
    span(
      's0',
      undefined,
      summary.kind,
      summary.name,
      0,
      1,
      { 'http.request.method': 'POST', 'user_agent.original': HOSTILE },
      summary.error,
    ),
    span('s1', 's0', 'query', 'select session', 0.01, 0.05, {
      'db.query.text': 'select * from tenfold.sessions where id = $1',
      'db.response.returned_rows': 1,
    }),
    span('s2', 's0', 'transaction', 'transaction', 0.08, 0.4),
    ...Array.from({ length: 7 }, (_, i) =>
      span(`q${i}`, 's2', 'query', 'select products where id = ?', 0.09 + i * 0.05, 0.04, {
        'db.response.returned_rows': 1,
      }),
    ),
    span(
      's3',
      's0',
      'outgoing',
      'POST 127.0.0.1',
      0.5,
      0.46,
      { 'server.address': '127.0.0.1', 'http.response.status_code': 201 },
      summary.error && 'connect ECONNREFUSED',
    ),
    span('s4', 's0', 'enqueue', 'notifications.send-receipt', 0.97, 0.01),
  ]
}

function job(i: number, now: number): api.JobRow {
  const state = i === 120 ? 'dead' : i > 126 ? 'waiting' : i === 126 ? 'running' : i === 124 ? 'delayed' : 'done'
  return {
    id: `j${String(i).padStart(4, '0')}`,
    name: i % 3 === 0 ? 'notifications.send-receipt' : 'orders.score-fraud',
    state,
    priority: 0,
    attempt: state === 'dead' ? 5 : state === 'waiting' ? 0 : 1,
    maxAttempts: 5,
    createdAt: now - (130 - i) * 3_000,
    runAt: now - (130 - i) * 3_000,
    ...(state === 'done' || state === 'dead' ? { finishedAt: now - (130 - i) * 2_900, durationMs: 20 + (i % 60) } : {}),
    ...(state === 'dead' && { error: `454 Temporary failure ${HOSTILE}` }),
  }
}

function jobDetail(row: api.JobRow): api.JobDetail {
  return {
    ...row,
    payload: { orderId: '0198c1f2-7c1e-7d3e-9b1a-5f0e8f2c0001', note: HOSTILE },
    ...(row.state === 'done' && { result: { sent: true } }),
    uniqueKey: `receipt:${row.id}`,
    traceId: 'trace0003',
    errors:
      row.state === 'dead'
        ? [1, 2, 3, 4, 5].map((attempt) => ({
            attempt,
            at: row.createdAt + attempt * 400,
            message: `454 Temporary failure ${HOSTILE}`,
          }))
        : [],
  }
}

function cron(
  name: string,
  schedule: string,
  description: string,
  now: number,
  everyMs: number,
  runs: number,
): api.CronRow {
  return {
    name,
    schedule,
    timeZone: 'UTC',
    description,
    nextAt: now + everyMs / 2,
    runs: Array.from({ length: runs }, (_, i) => ({
      fireAt: now - everyMs / 2 - i * everyMs,
      durationMs: 40 + ((i * 31) % 70),
      state: i === 9 ? ('dead' as const) : ('done' as const),
      instanceId: 'a1',
      jobId: `${name}-${i}`,
    })),
  }
}

function log(
  id: string,
  time: number,
  level: api.LogRow['level'],
  message: string,
  fields: Record<string, unknown>,
  traceId?: string,
): api.LogRow {
  return { id, time, level, message, instanceId: '4f1c', fields, ...(traceId && { traceId }) }
}

function mail(id: string, time: number, subject: string, html?: string): api.MailDetail {
  return {
    id,
    time,
    from: 'shop@example.test',
    to: ['ada@example.test'],
    subject,
    text: `Thank you.\n${HOSTILE}`,
    ...(html && { html }),
    attachments: html ? [{ filename: 'receipt.pdf', contentType: 'application/pdf', sizeBytes: 48_213 }] : [],
  }
}

function overview(now: number, minutes: number, env: api.Overview['env'], quiet: boolean): api.Overview {
  const points = quiet ? 0 : minutes * 6
  const wave = (i: number, period: number): number => (Math.sin(i / period) + Math.sin(i / (period / 2.7)) + 2) / 4
  return {
    app: 'shop',
    version: '0.1.0',
    env,
    stage: { number: 1, name: 'one machine' },
    startedAt: now - 3 * 3_600_000,
    bindings: [
      {
        part: 'database',
        bound: 'embedded Postgres 18.4 in .tenfold/postgres',
        embedded: true,
        variable: 'DATABASE_URL',
      },
      { part: 'queue', bound: 'postgres', embedded: false },
      { part: 'cache', bound: 'memory', embedded: true, variable: 'REDIS_URL' },
      { part: 'storage', bound: 'disk, .tenfold/files', embedded: true, variable: 'STORAGE_URL' },
      { part: 'mail', bound: 'development mail server on 127.0.0.1', embedded: true, variable: 'SMTP_URL' },
    ],
    processes: [
      {
        instanceId: '4f1c',
        roles: ['web', 'worker', 'cron'],
        pid: 4711,
        host: 'vm-1',
        startedAt: now - 3 * 3_600_000,
        seenAt: now - 2_000,
        cpuPercent: 23,
        memoryBytes: 182e6,
        eventLoopUtilization: 0.18,
        eventLoopDelayP99: 11.4,
      },
    ],
    series: Array.from({ length: points }, (_, i) => ({
      time: now - (points - i) * 10_000,
      requests: Math.round(180 * wave(i, 31)),
      errors: i % 47 === 9 ? 6 : 0,
      p50: 4 + 3 * wave(i, 40),
      p95: 18 + 22 * wave(i, 29),
      p99: 40 + 70 * wave(i, 17),
      cpuPercent: 12 + 30 * wave(i, 31),
      memoryBytes: 150e6 + 40e6 * wave(i, 60),
      eventLoopUtilization: 0.08 + 0.2 * wave(i, 31),
    })),
    totals: quiet
      ? { requests: 0, errors: 0, p50: 0, p95: 0, p99: 0, requestsPerSecond: 0 }
      : { requests: 64_644, errors: 57, p50: 5.4, p95: 31, p99: 118, requestsPerSecond: 17.9 },
    database: {
      version: 'PostgreSQL 18.4',
      sizeBytes: 412e6,
      connections: 14,
      maxConnections: 100,
      cacheHitRatio: 0.998,
    },
    jobs: quiet
      ? { waiting: 0, running: 0, dead: 0, oldestWaitingMs: 0 }
      : { waiting: 16, running: 3, dead: 1, oldestWaitingMs: 1_900 },
    telemetry: { storedRows: 81_204, droppedTraces: 0, flushMs: 6.1, storeBytes: 38e6, share: 0.013 },
    backup: quiet ? { missed: false } : sampleBackup(now),
  }
}
