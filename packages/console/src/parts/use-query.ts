import { useLocation } from 'preact-iso'

type Query = Record<string, string>

/** The filters of a page, kept in its address so that it can be shared; `undefined` takes one out. */
export function useQuery(): [Query, (change: Record<string, string | undefined>) => void] {
  const { path, query, route } = useLocation()
  const change = (patch: Record<string, string | undefined>): void => {
    const next = new URLSearchParams(query)
    for (const [key, value] of Object.entries(patch)) value ? next.set(key, value) : next.delete(key)
    route(next.size > 0 ? `${path}?${next}` : path, true)
  }
  return [query, change]
}
