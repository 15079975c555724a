import { count, duration, percent } from '../../parts/format.ts'
import type { Overview } from './api.ts'

export interface Trouble {
  says: string
  /** The page that shows more. */
  href?: string
}

/** What deserves a look right now, worst first; empty when nothing does. */
export function troubleIn(overview: Overview, now: number): Trouble[] {
  const { totals, jobs, database, processes, telemetry, backup } = overview
  const found: (Trouble | false)[] = [
    totals.errors > 0 &&
      totals.errors / totals.requests > 0.01 && {
        says: `${percent(totals.errors / totals.requests)} of all requests fail.`,
        href: '/requests?kind=request&error=1',
      },
    jobs.dead > 0 && {
      says: `${count(jobs.dead)} ${jobs.dead === 1 ? 'job has' : 'jobs have'} used up all attempts.`,
      href: '/jobs?state=dead',
    },
    jobs.oldestWaitingMs > 60_000 && {
      says: `The oldest job has been waiting for ${duration(jobs.oldestWaitingMs)}: are there enough workers?`,
      href: '/jobs?state=waiting',
    },
    database.connections > database.maxConnections * 0.8 && {
      says: `${database.connections} of ${database.maxConnections} database connections are in use.`,
    },
    backup?.missed === true && {
      says: `There should be a newer backup than there is.${backup.failed ? ` The last attempt: ${backup.failed.message}` : ''}`,
      href: '/crons',
    },
    ...processes.flatMap((process): (Trouble | false)[] => [
      now - process.seenAt > 60_000 && {
        says: `Process ${process.pid} on ${process.host} was last heard of ${duration(now - process.seenAt)} ago.`,
      },
      process.eventLoopUtilization > 0.8 && {
        says: `The event loop of process ${process.pid} is ${percent(process.eventLoopUtilization)} busy.`,
      },
    ]),
    telemetry.droppedTraces > 0 && {
      says: `${count(telemetry.droppedTraces)} traces were dropped to keep the app fast: the numbers here are still complete, the list of traces is not.`,
    },
  ]
  return found.filter((trouble) => trouble !== false)
}
