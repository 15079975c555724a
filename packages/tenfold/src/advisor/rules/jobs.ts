import type { Evidence } from '../../evidence/index.ts'
import { check, percent, type Rule } from '../rule.ts'
import { LEAST_GREW, pilesUp } from '../signals.ts'
import type { Proof } from '../verdict.ts'

const BUSY = 0.6
const HARDLY_BUSY = 0.2
/** Of those that wait. */
const HELD = 0.5

/** Jobs come faster than they are done, and all workers are busy. */
export const tooFewWorkers: Rule = {
  code: 'too-few-workers',
  version: 2,
  class: 'placement',
  judge({ evidence }) {
    const { queue, window, jobs, hosts } = evidence
    const grew = queue.depthAfter - queue.depthBefore
    const { workers, busy } = workersIn(evidence)
    if (!pilesUp(queue, evidence.traffic.slots) || workers === 0 || window.seconds <= 0) return undefined
    const failing = queue.failed / Math.max(1, queue.finished)
    // Workers that wait for their next job are not what is missing; and what never ends, more of them would not end either.
    if (busy < BUSY || failing > 0.3 || queue.finished === 0 || areHeld(evidence)) return undefined
    // Where no processor is left, jobs that compute would only take it from each other.
    const computing = shareComputed(evidence) > 0.5
    if (computing && hosts.some((host) => host.busy > 0.95)) return undefined
    const slowest = jobs.toSorted((a, b) => b.ms - a.ms)[0]
    const needed = Math.ceil((workers * (queue.arrived / Math.max(1, queue.finished))) / 0.8)
    const waitMs = (queue.depthAfter / Math.max(0.1, queue.finished / window.seconds)) * 1000
    return {
      structural: true,
      subject: { kind: 'job', name: slowest?.name ?? 'jobs' },
      share: 0.5,
      proofs: proofsOfBacklog(evidence),
      against: [
        check('jobs fail and come again', percent(failing), failing < 0.3),
        check(
          'they wait for something else',
          slowest ? percent(1 - slowest.self / Math.max(1, slowest.ms)) : 'none ran',
          slowest === undefined || slowest.pool < slowest.ms * 0.4,
        ),
      ],
      facts: { workers, needed, job: slowest?.name ?? '', grew, perSecond: queue.arrived / window.seconds },
      expected: { what: 'wait of jobs', before: waitMs, low: 0, high: Math.max(1000, waitMs * 0.3) },
    }
  },
}

/** What both kinds of a growing backlog are seen by. */
function proofsOfBacklog(evidence: Evidence): Proof[] {
  const { queue, window } = evidence
  return [
    {
      signal: 'jobs came',
      value: queue.arrived / window.seconds,
      threshold: queue.finished / window.seconds,
      unit: 'per second',
    },
    {
      signal: 'more of them wait than before',
      value: queue.depthAfter - queue.depthBefore,
      threshold: LEAST_GREW,
      unit: 'count',
    },
    { signal: 'workers busy', value: workersIn(evidence).busy, threshold: BUSY, unit: 'share' },
  ]
}

/** Jobs come, and those who should do them do nothing: there is no worker, the queue is paused, what was begun never ends, or a
 *  limit of the jobs themselves lets no more of them run at a time. */
export const jobsStandStill: Rule = {
  code: 'jobs-stand-still',
  version: 2,
  class: 'settings',
  judge({ evidence }) {
    const { queue, window } = evidence
    const { workers, busy } = workersIn(evidence)
    const failing = queue.failed / Math.max(1, queue.finished)
    if (!pilesUp(queue, evidence.traffic.slots) || window.seconds <= 0 || failing > 0.3) return undefined
    const held = workers > 0 && areHeld(evidence)
    if (queue.finished > 0 && busy >= BUSY && !held) return undefined
    const grew = queue.depthAfter - queue.depthBefore
    const running = queue.running ?? 0
    const stuck = running >= Math.max(1, workers * BUSY)
    const why = workers === 0 ? 'no worker' : held ? 'held' : stuck ? 'never ends' : 'not taken'
    return {
      structural: true,
      subject: { kind: 'job', name: 'all' },
      share: 0.5,
      proofs: proofsOfBacklog(evidence),
      against: [
        check(
          'there are too few workers',
          `${workers} of them, ${percent(busy)} busy`,
          held || queue.finished === 0 || busy < BUSY,
        ),
        check('some of them are done', `${percent(busy)} busy`, why !== 'not taken' || busy < HARDLY_BUSY),
        check('jobs fail and come again', percent(failing), failing <= 0.3),
      ],
      facts: {
        why,
        grew,
        workers,
        busy,
        running,
        perSecond: queue.arrived / window.seconds,
        finished: queue.finished,
        ...(held && { held: queue.held!.jobs, job: queue.held!.name }),
      },
      expected: { what: 'wait of jobs', before: queue.oldestMs, low: 0, high: Math.max(1000, queue.oldestMs * 0.3) },
    }
  },
}

/** Most of those that wait have a limit of their own: more workers would not take them either. */
function areHeld({ queue }: Evidence): boolean {
  return (queue.held?.jobs ?? 0) >= Math.max(1, queue.depthAfter * HELD)
}

/** How many jobs could run at a time, and of that the share that did: by what has ended, or by what was seen running. */
function workersIn({ configuration, queue, window }: Evidence): { workers: number; busy: number } {
  const workers = (configuration.roles['worker'] ?? 0) * configuration.workerConcurrency
  if (workers === 0) return { workers, busy: 0 }
  return { workers, busy: Math.max(queue.busyMs / (workers * window.seconds * 1000), (queue.running ?? 0) / workers) }
}

/** Of the time of jobs, what was spent in our own code while its event loop was busy. */
function shareComputed({ jobs, processes }: Evidence): number {
  const own =
    jobs.reduce((sum, { self }) => sum + self, 0) /
    Math.max(
      1,
      jobs.reduce((sum, { ms }) => sum + ms, 0),
    )
  return own * Math.max(0, ...processes.filter(({ roles }) => roles.includes('worker')).map(({ loop }) => loop))
}

/** One kind of job fails nearly always, and takes the workers' time again and again. */
export const poisonJob: Rule = {
  code: 'poison-job',
  version: 1,
  class: 'code',
  judge({ evidence, lost }) {
    const job = evidence.jobs
      .filter(({ count, errors }) => errors >= 10 && errors > count * 0.3)
      .toSorted((a, b) => b.errors - a.errors)[0]
    if (!job) return undefined
    const ofTime = job.ms / Math.max(1, evidence.queue.busyMs)
    const { queue } = evidence
    return {
      structural: true,
      subject: { kind: 'job', name: job.name },
      share: Math.max(0.3, Math.min(1, job.ms / (lost + evidence.queue.busyMs))),
      proofs: [
        { signal: 'of its runs failed', value: job.errors / job.count, threshold: 0.3, unit: 'share' },
        { signal: 'failures', value: job.errors, threshold: 10, unit: 'count' },
      ],
      against: [
        check(
          'other jobs fail as well',
          `${queue.failed - job.errors} failures of others`,
          queue.failed - job.errors < job.errors,
        ),
      ],
      facts: { job: job.name, failures: job.errors, runs: job.count, ofTime },
      expected: { what: 'failed runs', of: job.name, before: job.errors / job.count, low: 0, high: 0.1 },
    }
  },
}
