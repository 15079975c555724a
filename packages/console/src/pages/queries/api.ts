import type { QueryStats } from '../../../../tenfold/src/inspect/api.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { QueryStats } from '../../../../tenfold/src/inspect/api.ts'

export const useQueries = (minutes: number): Asked<QueryStats[]> => useApi<QueryStats[]>(`/queries?minutes=${minutes}`)
