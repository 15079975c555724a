import type { TwinRunView } from '../../../../tenfold/src/inspect/twin.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { TwinFindingView, TwinRunView } from '../../../../tenfold/src/inspect/twin.ts'

export const useTwinRuns = (): Asked<TwinRunView[]> => useApi<TwinRunView[]>('/twin')
