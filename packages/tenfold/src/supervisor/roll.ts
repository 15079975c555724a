/** A new release over several instances behind a load balancer: rolling, or blue/green. */
import { messageOf } from '../kernel/index.ts'
import { BalancerSilent, ReleaseRolledBack } from './errors.ts'

/** Where one instance runs. What starts and stops it is not known here: a process, a systemd unit, a container. */
export interface Place<Release> {
  /** `shop-1`. */
  readonly name: string
  /** Where it answers, `http://10.0.0.11:3000`: asked at `/health/ready`. */
  readonly url: string
  /** Starts this release here. May reject, when it is known at once that it cannot run. */
  start(release: Release): Promise<void>
  /** Lets what runs here finish, and ends it. Resolves when it has ended; does nothing when nothing runs. */
  stop(): Promise<void>
  /** How what was started last has ended, `code 1`; undefined while it runs. A release that ends while it starts is then taken
   *  back at once, and not when `readyTimeoutMs` has passed. */
  ended?(): string | undefined
}

export interface RollOptions<Release> {
  release: Release
  /** How long an instance may take until it is ready, in milliseconds. Defaults to 120000. */
  readyTimeoutMs?: number
  /** How long the load balancer takes to notice that an instance is back, in milliseconds: one health check, or for nginx
   *  `fail_timeout`. Defaults to 2000. */
  noticeMs?: number
  /** The address of the load balancer, `https://shop.example`: asked at `/health/ready` before anything is touched, and after
   *  each step. One that does not answer before ends the deploy with TF_BALANCER_SILENT; one that does not answer after a step
   *  takes it back. Not asked by default. */
  through?: string
  /** Tries a new instance before anybody else depends on it, beyond `/health/ready`; rejects if it is no good. */
  try?: (url: string) => Promise<void>
  onStep?: (step: { place: string; did: 'stopped' | 'started' | 'ready' | 'failed' | 'restored' }) => void
}

export interface RollingOptions<Release> extends RollOptions<Release> {
  places: readonly Place<Release>[]
  /** What runs there now, and is put back if the new one is no good. */
  previous: Release
}

/** One instance after the other: stopped, and started with the new release. The others answer meanwhile, so there must be
 *  two. If one does not get ready, it and all before it get the previous release back, and TF_RELEASE_ROLLED_BACK is thrown.
 *
 *  Both releases run side by side for a while, so the database has to fit both: apply migrations of phase `expand` before.
 *  @example
 *  await rollingDeploy({ places, release: '/srv/shop/2', previous: '/srv/shop/1' }) */
export async function rollingDeploy<Release>(options: RollingOptions<Release>): Promise<void> {
  const { places, release, previous, noticeMs = 2000, onStep } = options
  if (places.length < 2) throw new RangeError('a rolling deploy needs two instances: one has to answer meanwhile')
  const put = async (
    place: Place<Release>,
    what: Release,
    how: Omit<RollOptions<Release>, 'release'>,
  ): Promise<void> => {
    await place.stop()
    onStep?.({ place: place.name, did: 'stopped' })
    await bring(place, what, how)
  }
  await answersBefore(options)
  const done: Place<Release>[] = []
  for (const place of places) {
    try {
      done.unshift(place)
      await put(place, release, options)
      await pause(noticeMs)
      await answersStill(options)
    } catch (error) {
      onStep?.({ place: place.name, did: 'failed' })
      for (const one of done) {
        // It has run here before: nothing is tried, and it gets all the time that it wants.
        await put(one, previous, { ...(onStep && { onStep }) })
        onStep?.({ place: one.name, did: 'restored' })
        await pause(noticeMs)
      }
      throw ReleaseRolledBack({ place: place.name, why: messageOf(error), restored: done.length }, { cause: error })
    }
  }
}

export interface BlueGreenOptions<Release> extends RollOptions<Release> {
  /** What runs now. */
  from: readonly Place<Release>[]
  /** Where the new release is started, beside it. The load balancer knows these places, too. */
  to: readonly Place<Release>[]
}

/** All instances of the new release beside those that run; when all are ready, the old ones are stopped. If one is not, the
 *  new ones are stopped again, nothing else has happened, and TF_RELEASE_ROLLED_BACK is thrown. Takes twice the machines
 *  for a while. The database has to fit both releases, as for {@link rollingDeploy}. */
export async function blueGreenDeploy<Release>(options: BlueGreenOptions<Release>): Promise<void> {
  const { from, to, release, noticeMs = 2000, onStep } = options
  await answersBefore(options)
  const started = await Promise.allSettled(to.map((place) => bring(place, release, options)))
  const failed = started.findIndex(({ status }) => status === 'rejected')
  if (failed !== -1) {
    const { reason } = started[failed] as PromiseRejectedResult
    onStep?.({ place: to[failed]!.name, did: 'failed' })
    await Promise.all(to.map((place) => place.stop()))
    throw ReleaseRolledBack({ place: to[failed]!.name, why: messageOf(reason), restored: 0 }, { cause: reason })
  }
  await pause(noticeMs)
  await answersStill(options).catch(async (error: unknown) => {
    await Promise.all(to.map((place) => place.stop()))
    throw ReleaseRolledBack({ place: to[0]!.name, why: messageOf(error), restored: 0 }, { cause: error })
  })
  for (const place of from) {
    await place.stop()
    onStep?.({ place: place.name, did: 'stopped' })
  }
}

async function bring<Release>(
  place: Place<Release>,
  release: Release,
  options: Omit<RollOptions<Release>, 'release'>,
): Promise<void> {
  await place.start(release)
  options.onStep?.({ place: place.name, did: 'started' })
  await ready(place, options.readyTimeoutMs ?? 120_000)
  await options.try?.(place.url)
  options.onStep?.({ place: place.name, did: 'ready' })
}

async function ready(place: Place<never>, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs
  for (;;) {
    const said = await readiness(place.url)
    if (said === 200) return
    const ended = place.ended?.()
    if (ended !== undefined) throw new Error(`it ended with ${ended}`)
    if (performance.now() > until)
      throw new Error(`it was not ready after ${Math.round(timeoutMs / 1000)} s (/health/ready: ${said})`)
    await pause(100)
  }
}

/** What comes from `/health/ready`: a status, or why nothing does. */
function readiness(url: string): Promise<number | string> {
  return fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(5000) }).then(
    async (response) => {
      await response.body?.cancel()
      return response.status
    },
    (error: unknown) => messageOf((error as { cause?: unknown }).cause ?? error),
  )
}

/** A load balancer that is away already would make every release look broken, and a broken one look like that. */
async function answersBefore({ through }: { through?: string }): Promise<void> {
  const said = through === undefined ? 200 : await readiness(through)
  if (said !== 200) throw BalancerSilent({ url: through!, said: String(said) })
}

/** It may have to notice first: it is asked for a while. */
async function answersStill({ through, noticeMs = 2000 }: { through?: string; noticeMs?: number }): Promise<void> {
  if (through === undefined) return
  const until = performance.now() + Math.max(noticeMs, 1000) * 5
  for (;;) {
    const said = await readiness(through)
    if (said === 200) return
    if (performance.now() > until) throw new Error(`the load balancer at ${through} does not answer any more (${said})`)
    await pause(100)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
