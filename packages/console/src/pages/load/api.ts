import type { LoadRunView } from '../../../../tenfold/src/inspect/load.ts'
import { withQuery } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { LoadRunView, LoadStepView } from '../../../../tenfold/src/inspect/load.ts'

export const useLoadRuns = (): Asked<LoadRunView[]> => useApi<LoadRunView[]>('/load', { live: false })
export const useComparison = (before: string, after: string): Asked<{ verdict: string; lines: string[] }> =>
  useApi(withQuery('/load/compare', { before, after }), { live: false })
