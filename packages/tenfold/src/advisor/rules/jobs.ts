import { check, percent, type Rule } from '../rule.ts'

/** Jobs come faster than they are done, and all workers are busy. */
export const tooFewWorkers: Rule = {
  code: 'too-few-workers',
  version: 1,
  class: 'placement',
  judge({ evidence }) {
    const { queue, configuration, window, jobs } = evidence
    const grew = queue.depthAfter - queue.depthBefore
    const workers = (configuration.roles['worker'] ?? 0) * configuration.workerConcurrency
    if (grew < 20 || queue.arrived < queue.finished * 1.1 || workers === 0 || window.seconds <= 0) return undefined
    const busy = queue.busyMs / (workers * window.seconds * 1000)
    const failing = queue.failed / Math.max(1, queue.finished)
    // Workers that wait for their next job are not what is missing.
    if (busy < 0.6 || failing > 0.3) return undefined
    const slowest = jobs.toSorted((a, b) => b.ms - a.ms)[0]
    const needed = Math.ceil((workers * (queue.arrived / Math.max(1, queue.finished))) / 0.8)
    const waitMs = (queue.depthAfter / Math.max(0.1, queue.finished / window.seconds)) * 1000
    return {
      structural: true,
      subject: { kind: 'job', name: slowest?.name ?? 'jobs' },
      share: 0.5,
      proofs: [
        {
          signal: 'jobs came',
          value: queue.arrived / window.seconds,
          threshold: queue.finished / window.seconds,
          unit: 'per second',
        },
        { signal: 'more of them wait than before', value: grew, threshold: 20, unit: 'count' },
        { signal: 'workers busy', value: busy, threshold: 0.6, unit: 'share' },
      ],
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
