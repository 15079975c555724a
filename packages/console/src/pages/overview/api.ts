import type { Overview } from '../../../../tenfold/src/inspect/api.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { Overview, OverviewPoint, ProcessRow } from '../../../../tenfold/src/inspect/api.ts'

export const useOverview = (minutes: number): Asked<Overview> => useApi<Overview>(`/overview?minutes=${minutes}`)
