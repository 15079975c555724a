import type { CachesView } from '../../../../tenfold/src/inspect/caches.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { CacheRow, CachesView } from '../../../../tenfold/src/inspect/caches.ts'

export const useCaches = (minutes: number): Asked<CachesView> => useApi<CachesView>(`/caches?minutes=${minutes}`)
