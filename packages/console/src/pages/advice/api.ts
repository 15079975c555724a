import type { AdviceView } from '../../../../tenfold/src/advisor/view.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { AdviceView } from '../../../../tenfold/src/advisor/view.ts'

export const useAdvice = (): Asked<AdviceView | null> => useApi<AdviceView | null>('/advice')
