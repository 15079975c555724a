import { createContext, type ComponentChildren } from 'preact'
import { useContext, useEffect, useMemo, useRef, useState } from 'preact/hooks'

export interface Live {
  /** `away`: the app does not answer; the browser tries again by itself. */
  status: 'live' | 'paused' | 'away'
  /** Counts up whenever there is new data to ask for. */
  tick: number
  toggle(): void
}

const RETRY_MS = 3_000

const LiveContext = createContext<Live>({ status: 'paused', tick: 0, toggle: () => {} })

export const useLive = (): Live => useContext(LiveContext)

/** Follows `/api/events` while the page is in view and not paused. */
export function LiveProvider({ children }: { children: ComponentChildren }) {
  const [paused, setPaused] = useState(false)
  const [away, setAway] = useState(false)
  const [tick, setTick] = useState(0)
  const [attempt, setAttempt] = useState(0)
  const followed = useRef(false)
  const visible = useVisible()

  useEffect(() => {
    if (paused || !visible) return
    const events = new EventSource('/api/events')
    const next = (): void => setTick((n) => n + 1)
    events.onopen = () => {
      setAway(false)
      // What came while nobody followed was missed.
      if (followed.current) next()
      followed.current = true
    }
    events.onmessage = next
    let timer: ReturnType<typeof setTimeout>
    events.onerror = () => {
      setAway(true)
      next()
      // The browser tries again by itself, unless it got an answer that is no stream: of a proxy, for example.
      if (events.readyState === EventSource.CLOSED) timer = setTimeout(() => setAttempt((n) => n + 1), RETRY_MS)
    }
    return () => {
      clearTimeout(timer)
      events.close()
    }
  }, [paused, visible, attempt])

  const status = paused ? 'paused' : away ? 'away' : 'live'
  const live = useMemo(() => ({ status, tick, toggle: () => setPaused((p) => !p) }) as const, [status, tick])
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>
}

function useVisible(): boolean {
  const [visible, setVisible] = useState(!document.hidden)
  useEffect(() => {
    const changed = (): void => setVisible(!document.hidden)
    document.addEventListener('visibilitychange', changed)
    return () => document.removeEventListener('visibilitychange', changed)
  }, [])
  return visible
}
