import type { BusinessMetric } from '../../../../tenfold/src/inspect/business.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { BusinessMetric } from '../../../../tenfold/src/inspect/business.ts'

export const useBusiness = (minutes: number): Asked<BusinessMetric[]> =>
  useApi<BusinessMetric[]>(`/business?minutes=${minutes}`)
