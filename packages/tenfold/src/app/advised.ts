import { alertsOf, type AdviceView } from '../advisor/index.ts'
import type { AdviceSource, Advised } from '../alerts/index.ts'

const EVERY_MS = 60_000
/** What is older is not known any more. */
const OLD_MS = 5 * EVERY_MS

/** What the advisor says, for the rules about it. It is asked in the background, once a minute, so that no other rule waits. */
export function adviceSource(ask: () => Promise<Pick<AdviceView, 'verdict'>>): AdviceSource {
  let latest: { at: number; said: readonly Advised[] | undefined } | undefined
  let askedAt = -Infinity
  return () => {
    const now = performance.now()
    if (now - askedAt >= EVERY_MS) {
      askedAt = now
      ask().then(
        ({ verdict }) => (latest = { at: now, said: alertsOf(verdict) }),
        () => {},
      )
    }
    return latest && now - latest.at < OLD_MS ? latest.said : undefined
  }
}
