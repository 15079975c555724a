import type { FindingRow } from '../../../../tenfold/src/inspect/api.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { FindingRow, TraceFinding } from '../../../../tenfold/src/inspect/api.ts'

export const useFindings = (minutes: number): Asked<FindingRow[]> =>
  useApi<FindingRow[]>(`/findings?minutes=${minutes}`)
