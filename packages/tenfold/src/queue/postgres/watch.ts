/** The numbers of the workers: metrics for whoever scrapes them, and counts per minute for `summary`. */
import type { Telemetry } from '../../telemetry/index.ts'
import type { Claimed, Outcome } from './run.ts'

export interface JobCount {
  name: string
  done: number
  failed: number
  ms: number
}

export interface Watch {
  waited(job: Claimed): void
  ran(outcome: Outcome): void
  leasesLost(jobs: number): void
  /** What ran since the last call. */
  take(): JobCount[]
  /** Puts back what could not be stored. */
  putBack(counts: readonly JobCount[]): void
}

type Recorder = { record(value: number): void }

export function watchJobs({ metrics }: Telemetry): Watch {
  const wait = metrics.histogram('tenfold.job.wait', { help: 'Time from ready to claimed.', unit: 's' })
  const duration = metrics.histogram('tenfold.job.duration', { help: 'Duration of the runs of jobs.', unit: 's' })
  const lost = metrics.counter('tenfold.job.leases_lost', {
    help: 'Jobs whose lease was lost while a worker held them.',
    unit: '{job}',
  })
  const waits = new Map<string, Recorder>()
  const durations = new Map<Outcome['kind'], Map<string, Recorder>>()
  let counts = new Map<string, JobCount>()

  const waitOf = (job: string): Recorder => {
    let made = waits.get(job)
    if (!made) waits.set(job, (made = wait.series({ job })))
    return made
  }
  const durationOf = (job: string, outcome: Outcome['kind']): Recorder => {
    let ofOutcome = durations.get(outcome)
    if (!ofOutcome) durations.set(outcome, (ofOutcome = new Map()))
    let made = ofOutcome.get(job)
    if (!made) ofOutcome.set(job, (made = duration.series({ job, outcome })))
    return made
  }
  const countOf = (name: string): JobCount => {
    let count = counts.get(name)
    if (!count) counts.set(name, (count = { name, done: 0, failed: 0, ms: 0 }))
    return count
  }

  return {
    waited: ({ name, waitedMs }) => waitOf(name).record(Math.max(0, waitedMs) / 1000),
    ran({ job, kind, ms }) {
      durationOf(job.name, kind).record(ms / 1000)
      if (kind === 'returned' || kind === 'cancelled') return
      const count = countOf(job.name)
      // A run that ends to sleep or to wait has neither failed nor got the job done; its time belongs to the job.
      if (kind === 'done') count.done++
      else if (kind === 'failed') count.failed++
      count.ms += ms
    },
    leasesLost: (jobs) => lost.add(jobs),
    take() {
      const taken = [...counts.values()]
      counts = new Map()
      return taken
    },
    putBack(taken) {
      for (const { name, done, failed, ms } of taken) {
        const count = countOf(name)
        count.done += done
        count.failed += failed
        count.ms += ms
      }
    },
  }
}
