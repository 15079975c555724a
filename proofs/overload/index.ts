/** Three times as much as a process can do: what it still does, for whom, how fast, and how soon it is well again. */
import { startServer, type Server } from '../../bench/http/processes.ts'
import type { Claim, Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'
import { startLoader, type Counts, type Loader, type Outcome, type Phase } from './phases.ts'

export default {
  name: 'overload',
  about: 'past the capacity goodput stays near the peak, answers stay quick, what matters most goes first',
  options: {
    seconds: 'of overload; 60 unless --quick, then 4',
    times: 'the capacity; 3 by default',
    only: 'the server to look at: `tenfold`, or `open`: tenfold without load shedding, to see that the proof finds it out',
  },
  run,
} satisfies Claims

const PEERS = { fastify: '5.12.8', '@fastify/under-pressure': '9.2.0' }
const PATIENCE_MS = 2000
const BOUND_MS = 600

interface Subject {
  name: string
  program: string
  features: string
}

const OURS: Subject = { name: 'tenfold', program: './servers/tenfold.program.ts', features: '' }
const OPEN: Subject = { name: 'tenfold, letting all in', program: OURS.program, features: 'lets-all-in' }
const OTHERS: Subject[] = [
  { name: 'Fastify', program: './servers/fastify.program.ts', features: '' },
  { name: 'Fastify + under-pressure', program: './servers/fastify.program.ts', features: 'under-pressure' },
]

interface Measured {
  name: string
  peak: Rate
  over: Rate
  all: Counts
  critical: Counts
  /** Seconds after the overload until answers were as quick as before, and nobody was turned away. */
  recovered: number
}

/** Good answers, for a second of time and for a second of the processor: others may need the machine, too. */
interface Rate {
  perSecond: number
  perCpuSecond: number
}

async function run({ quick, set, log, signal, installPeers }: ClaimsOptions): Promise<Report> {
  const seconds = Number(set.seconds ?? (quick ? 4 : 60))
  const times = Number(set.times ?? 3)
  const subjects = set.only === 'tenfold' ? [OURS] : set.only === 'open' ? [OPEN] : [OURS, OPEN, ...OTHERS]
  const folder = set.only ? '' : (await installPeers(PEERS)).folder
  const loader = await startLoader()
  try {
    const measured: Measured[] = []
    for (const subject of subjects) {
      if (signal.aborted) throw signal.reason
      const file = new URL(subject.program, import.meta.url).href
      const server = await startServer(file, { PEERS: folder, FEATURES: subject.features })
      try {
        measured.push(await measure(subject.name, server, loader, { seconds, times, quick }))
      } finally {
        await server.stop()
      }
      log(`${subject.name}: ${Math.round(measured.at(-1)!.over.perSecond)} good answers a second under load`)
    }
    return report(measured, times)
  } finally {
    await loader.stop()
  }
}

interface Plan {
  seconds: number
  times: number
  quick: boolean
}

async function measure(
  name: string,
  server: Server,
  loader: Loader,
  { seconds, times, quick }: Plan,
): Promise<Measured> {
  const common = { port: server.port, lanes: 0, perSecond: 0, patienceMs: PATIENCE_MS }
  const paths = [
    { path: '/work', share: 0.9 },
    { path: '/critical', share: 0.1 },
  ]
  const phase = async (rest: Partial<Phase> & { ms: number }): Promise<{ outcome: Outcome; rate: Rate }> => {
    const before = server.cpu()
    const outcome = await loader.run({ ...common, paths, ...rest })
    const good = sum(outcome).good
    // The processor goes on a little after the last request was sent: what it did then counts, too.
    return {
      outcome,
      rate: { perSecond: (good / rest.ms) * 1000, perCpuSecond: (good / (server.cpu() - before)) * 1e6 },
    }
  }
  await phase({ ms: quick ? 700 : 3000, lanes: 16 })
  const { rate: peak } = await phase({ ms: quick ? 1500 : 6000, lanes: 16 })
  const { outcome, rate: over } = await phase({ ms: seconds * 1000, perSecond: peak.perSecond * times })
  const { outcome: after } = await phase({ ms: quick ? 3000 : 8000, perSecond: peak.perSecond / 3 })
  return { name, peak, over, all: sum(outcome), critical: outcome.paths['/critical']!, recovered: recovery(after) }
}

function sum({ paths }: Outcome): Counts {
  const all: Counts = { sent: 0, good: 0, refused: 0, late: 0, failed: 0, ms: [] }
  for (const counts of Object.values(paths)) {
    for (const key of ['sent', 'good', 'refused', 'late', 'failed'] as const) all[key] += counts[key]
    for (const ms of counts.ms) all.ms.push(ms)
  }
  return all
}

/** The end of the last quarter of a second in which somebody was turned away or waited for longer than a fifth of a second. */
function recovery({ slowest, refused }: Outcome): number {
  const last = slowest.findLastIndex((ms, i) => ms > 200 || refused[i]! > 0)
  const silent = slowest.findIndex((ms) => ms > 0)
  return (Math.max(last, silent < 0 ? slowest.length : silent - 1) + 1) * 0.25
}

function report(measured: readonly Measured[], times: number): Report {
  const ours = measured[0]!
  const kept = ours.over.perCpuSecond / ours.peak.perCpuSecond
  const p99 = quantile(ours.all.ms, 0.99)
  const critical = ours.critical.good / ours.critical.sent
  const claims: Claim[] = [
    {
      claim: `good answers at ${times} x the capacity, of those at the peak (for each second of the processor)`,
      goal: 'at least 85 %',
      value: percent(kept),
      holds: kept >= 0.85,
    },
    {
      claim: 'p99 of the good answers, from when they should have been sent',
      goal: `at most ${BOUND_MS} ms`,
      value: `${Math.round(p99)} ms`,
      holds: ours.all.good > 0 && p99 <= BOUND_MS,
    },
    {
      claim: 'requests that got an answer, good or 503',
      goal: 'at least 99 %',
      value: percent((ours.all.good + ours.all.refused) / ours.all.sent),
      holds: (ours.all.good + ours.all.refused) / ours.all.sent >= 0.99,
    },
    {
      claim: 'good answers of the route declared critical, a tenth of all requests',
      goal: 'at least 90 %',
      value: percent(critical),
      holds: critical >= 0.9,
    },
    {
      claim: 'quick answers for all again after the overload',
      goal: 'within 5 s',
      value: `${ours.recovered.toFixed(2)} s`,
      holds: ours.recovered <= 5,
    },
  ]
  return {
    claims,
    rows: measured.map(({ name, peak, over, all, critical: first, recovered }) => ({
      server: name,
      'peak/s': Math.round(peak.perSecond),
      'good/s': Math.round(over.perSecond),
      'of the peak, per CPU second': percent(over.perCpuSecond / peak.perCpuSecond),
      'p50 ms': Math.round(quantile(all.ms, 0.5)),
      'p99 ms': Math.round(quantile(all.ms, 0.99)),
      sent: all.sent,
      '503': all.refused,
      'too late': all.late,
      failed: all.failed,
      'critical good': percent(first.good / first.sent),
      'well after s': recovered,
    })),
  }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
