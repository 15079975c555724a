import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiFailure, ask } from './client.ts'
import { useLive } from './live.tsx'
import { useSignedOut } from './session.tsx'

export interface Asked<T> {
  data: T | undefined
  error: ApiFailure | undefined
  /** The first answer, or the answer to another question than the one shown, is on its way. */
  loading: boolean
  refresh(): void
}

interface State<T> {
  data?: T | undefined
  error?: ApiFailure | undefined
  /** What `data` answers. */
  path?: string
}

/** Asks the API, and asks again whenever there is new data (unless `live` is false).
 *  What is on the screen stays there until the new answer has come, unless the question is about something else. */
export function useApi<T>(path: string, { live = true }: { live?: boolean } = {}): Asked<T> {
  const [state, setState] = useState<State<T>>({})
  const [again, setAgain] = useState(0)
  const signedOut = useSignedOut()
  const { tick } = useLive()
  const busyWith = useRef<string>(undefined)
  const wanted = useRef(path)
  wanted.current = path

  useEffect(() => {
    // A slow answer is waited for, not asked for twice.
    if (busyWith.current === path) return
    busyWith.current = path
    const settle = (next: (old: State<T>) => State<T>): void => {
      if (busyWith.current === path) busyWith.current = undefined
      if (wanted.current === path) setState(next)
    }
    ask<T>(path).then(
      (data) => settle(() => ({ data, path })),
      (error: ApiFailure) => {
        if (error.status === 401) signedOut()
        settle((old) => ({ ...(about(old, path) ? old : { path }), error }))
      },
    )
  }, [path, again, live ? tick : 0])

  const refresh = useCallback(() => setAgain((n) => n + 1), [])
  const data = about(state, path) ? state.data : undefined
  const loading = !state.error && (state.path !== path || data === undefined)
  return { data, error: state.error, loading, refresh }
}

/** Whether what we have is of the same kind as what is asked: other filters of one list, but not another trace. */
function about(state: State<unknown>, path: string): boolean {
  return state.path?.split('?')[0] === path.split('?')[0]
}
