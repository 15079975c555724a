import { useEffect, useState } from 'preact/hooks'
import { type ApiFailure, ask } from './client.ts'
import { useApi, type Asked } from './use-api.ts'

export interface List<Row> extends Asked<Row[]> {
  /** Absent when there is nothing older. */
  older?: (() => void) | undefined
  /** Set once older rows are shown: the list then stands still, so that nothing moves under the reader. */
  backToNewest?: (() => void) | undefined
}

const PAGE = 100

/** A list with the newest first, kept up to date, that can be followed back page by page. */
export function useList<Row>(path: string, cursorOf: (row: Row) => string | number): List<Row> {
  const [held, setHeld] = useState<Row[]>()
  const [error, setError] = useState<ApiFailure>()
  const [more, setMore] = useState(true)
  const separator = path.includes('?') ? '&' : '?'
  const first = useApi<Row[]>(`${path}${separator}limit=${PAGE}`, { live: held === undefined })

  useEffect(() => {
    setHeld(undefined)
    setError(undefined)
    setMore(true)
  }, [path])

  const rows = held ?? first.data
  const last = rows?.at(-1)
  const older = async (): Promise<void> => {
    if (!rows || !last) return
    try {
      const page = await ask<Row[]>(`${path}${separator}limit=${PAGE}&before=${encodeURIComponent(cursorOf(last))}`)
      setHeld([...rows, ...page])
      setMore(page.length === PAGE)
    } catch (failure) {
      setError(failure as ApiFailure)
    }
  }
  const full = rows !== undefined && rows.length >= PAGE && rows.length % PAGE === 0
  return {
    ...first,
    data: rows,
    error: error ?? first.error,
    older: full && more ? () => void older() : undefined,
    backToNewest: held ? () => setHeld(undefined) : undefined,
  }
}
