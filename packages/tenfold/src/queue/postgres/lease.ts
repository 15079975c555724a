/** One lease for all jobs of a worker: a row in tenfold.worker, renewed three times per `leaseMs`.
 *
 *    register ──> held ──(renewed in time)──> held
 *                   └──(row gone: another worker swept it)──> lost ──> register again, under a new id
 *
 *  The row decides; our clock is only a brake. We stop beginning jobs a sixth of the lease early, counted from when we
 *  ASKED for the renewal, so that a slow answer or a process that was paused cannot stretch it. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, type Clock } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'

export interface Lease {
  /** The worker's id; another one after a loss, and 0 until that is there. */
  readonly id: number
  /** False once it may have run out: begin nothing. */
  trusted(): boolean
  start(): Promise<void>
  /** Stops renewing, and gives the row up if nothing is held under it any more. */
  stop(empty: boolean): Promise<void>
}

export interface LeaseOptions {
  db: SystemDatabase
  telemetry: Telemetry
  clock: Clock
  leaseMs: number
  /** Called once per loss, before the new lease is there. */
  onLost(lostId: number): void
  onRenewed(): void
}

export function createLease({ db, telemetry, clock, leaseMs, onLost, onRenewed }: LeaseOptions): Lease {
  const every = leaseMs / 3
  const stopping = new AbortController()
  const blocked = telemetry.metrics.counter('tenfold.job.loop_blocked', {
    help: 'Times that the event loop of a worker stood still for longer than the pause between two renewals of its lease.',
    unit: '{block}',
  })
  let id = 0
  let trustedUntil = 0
  let loop: Promise<void> | undefined

  const register = async (): Promise<void> => {
    const asked = clock.elapsed()
    const { rows } = await db.query<{ id: number }>(
      `insert into tenfold.worker (instance_id, leased_until) values ($1, now() + $2 * interval '1 ms') returning id::float8 as id`,
      [telemetry.instanceId, leaseMs],
    )
    id = rows[0]!.id
    trustedUntil = asked + leaseMs * (5 / 6)
  }

  /** Whether there still is one. */
  const extend = async (): Promise<boolean> => {
    if (id === 0) return false
    const asked = clock.elapsed()
    const { rowCount } = await db.query(
      `update tenfold.worker set leased_until = now() + $2 * interval '1 ms' where id = $1`,
      [id, leaseMs],
    )
    if (rowCount === 1) {
      trustedUntil = asked + leaseMs * (5 / 6)
      return true
    }
    const lost = id
    id = 0
    trustedUntil = 0
    onLost(lost)
    return false
  }

  const renew = async (): Promise<void> => {
    if (!(await extend())) await register()
    onRenewed()
  }

  const run = async (): Promise<void> => {
    let pause = every
    while (!stopping.signal.aborted) {
      const slept = clock.elapsed()
      await clock.sleep(pause, stopping.signal)
      if (stopping.signal.aborted) return
      const lateBy = clock.elapsed() - slept - pause
      if (lateBy > every) {
        blocked.add(1)
        telemetry.log.warn('The event loop stood still: leases of running jobs may be lost.', {
          lateByMs: Math.round(lateBy),
          leaseMs,
        })
      }
      try {
        await renew()
        pause = every
      } catch (error) {
        telemetry.log.warn('Could not renew the lease of this worker.', { reason: messageOf(error) })
        pause = Math.min(every, 500 + Math.random() * 500)
      }
    }
  }

  return {
    get id() {
      return id
    },
    trusted: () => clock.elapsed() < trustedUntil,
    async start() {
      await register()
      loop = run()
    },
    async stop(empty) {
      stopping.abort()
      await loop
      if (empty) await db.query('delete from tenfold.worker where id = $1', [id])
    },
  }
}
