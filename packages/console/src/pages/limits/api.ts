import type { LimitsView } from '../../../../tenfold/src/inspect/limits.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { LimitRow, LimitsView } from '../../../../tenfold/src/inspect/limits.ts'

export const useLimits = (minutes: number): Asked<LimitsView> => useApi<LimitsView>(`/limits?minutes=${minutes}`)
