/** `tenfold twin` names what was planted, and accuses nobody else. */
import { join } from 'node:path'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import type { TwinReport } from '../../packages/tenfold/src/twin/index.ts'
import { type App, APPS } from './apps.ts'
import { openBench } from './bench.ts'

export default {
  name: 'twin',
  about: 'faults that only two instances show are named with their cause and line; clean apps are not accused',
  options: { only: 'the apps whose names contain this' },
  run,
} satisfies Claims

const PEERS = {
  '@fastify/cookie': '11.1.5',
  '@fastify/rate-limit': '11.2.0',
  '@fastify/session': '11.1.3',
  '@nestjs/common': '12.5.1',
  '@nestjs/core': '12.5.1',
  '@nestjs/platform-express': '12.5.1',
  '@nestjs/throttler': '6.7.1',
  croner: '11.0.1',
  express: '5.3.0',
  'express-rate-limit': '8.7.4',
  'express-session': '1.19.0',
  fastify: '5.12.8',
  ioredis: '6.0.0',
  multer: '2.5.0',
  'node-cache': '5.1.2',
  'node-cron': '4.6.0',
  pg: '8.23.1',
  'rate-limit-redis': '6.0.1',
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  'socket.io': '4.8.4',
  ws: '8.23.0',
}

/** They mostly wait: for processes to start, and for nothing more to happen. */
const AT_ONCE = 2

interface Judged {
  app: App
  report: TwinReport
  right: boolean
  /** The planted line is among those named. */
  placed: boolean
}

async function run({ quick, set, log, signal, installPeers }: ClaimsOptions): Promise<Report> {
  const wanted = APPS.filter((app) => (quick ? app.short : true) && app.name.includes(set.only ?? ''))
  const packages = wanted.some(({ peers }) => peers)
    ? (await installPeers(PEERS)).folder
    : join(import.meta.dirname, '../..')
  const bench = await openBench(packages)
  const judged = new Map<App, Judged>()
  const left = [...wanted]
  const work = async (): Promise<void> => {
    for (let app = left.shift(); app !== undefined; app = left.shift()) {
      signal.throwIfAborted()
      const one = judge(app, await bench.test(app, signal))
      judged.set(app, one)
      const seconds = (one.report.ms / 1000).toFixed(1)
      log(`${one.right ? 'right' : 'WRONG'}  ${app.name}: ${causes(one.report) || 'nothing found'} (${seconds} s)`)
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  } finally {
    await bench.close()
  }
  const inOrder = wanted.flatMap((app) => judged.get(app) ?? [])
  return { claims: claimsOf(inOrder), rows: inOrder.map(rowOf) }
}

function judge(app: App, report: TwinReport): Judged {
  const { findings } = report
  const right = app.planted
    ? findings.length > 0 && findings.every(({ cause }) => cause === app.planted)
    : findings.length === 0
  const named = findings.flatMap(({ places }) => places.map(({ file, line }) => `${file}:${line}`))
  return { app, report, right, placed: app.line !== undefined && named.includes(app.line) }
}

function claimsOf(judged: Judged[]): Claim[] {
  const faulty = judged.filter(({ app }) => app.planted)
  const clean = judged.filter(({ app }) => !app.planted)
  const named = faulty.filter(({ right }) => right).length
  const withLine = faulty.filter(({ app }) => app.line)
  const placed = withLine.filter((one) => one.placed).length
  const claims = [
    {
      claim: 'planted faults named with the right cause, and nothing else',
      goal: `at least 95 % of ${faulty.length}`,
      value: named,
      holds: named >= faulty.length * 0.95,
    },
    {
      claim: 'of those whose line can be known, named with file and line',
      goal: `at least 95 % of ${withLine.length}`,
      value: placed,
      holds: placed >= withLine.length * 0.95,
    },
    {
      claim: 'clean apps that are accused of nothing',
      goal: `all ${clean.length}`,
      value: clean.filter(({ right }) => right).length,
      holds: clean.every(({ right }) => right),
    },
  ]
  // Of a selection only what there is can be claimed.
  const sizes = [faulty.length, withLine.length, clean.length]
  return claims.filter((_, i) => sizes[i]! > 0)
}

function rowOf({ app, report, right, placed }: Judged): Row {
  const { findings, ms, runs } = report
  return {
    app: app.name,
    planted: app.planted ?? 'nothing',
    found: findings.map(({ cause }) => cause).join(', ') || 'nothing',
    right,
    line: app.line ? placed : null,
    runs,
    seconds: Math.round(ms / 100) / 10,
    'taken from': app.from ?? null,
  }
}

function causes({ findings }: TwinReport): string {
  return findings
    .map(({ cause, places }) => `${cause} ${places.map(({ file, line }) => `${file}:${line}`).join(' ')}`)
    .join(', ')
}
