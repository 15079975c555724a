import { useEffect, useState } from 'preact/hooks'
import { ago, clock, exact } from './format.ts'

/** A moment: how long ago, or the time of day; in full on hover. */
export function Time({ at, as = 'ago' }: { at: number; as?: 'ago' | 'clock' | 'precise' }) {
  const now = useNow()
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)}>
      {as === 'ago' ? ago(at, now) : clock(at, now)}
      {as === 'precise' && <span class="faint">.{String((at % 1000) | 0).padStart(3, '0')}</span>}
    </time>
  )
}

/** The time, renewed every few seconds. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000)
    return () => clearInterval(timer)
  }, [])
  return Math.max(now, Date.now())
}
