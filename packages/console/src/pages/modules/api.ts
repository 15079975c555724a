import type { CallStats, ModulesView } from '../../../../tenfold/src/inspect/api.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { CallStats, ModulesView } from '../../../../tenfold/src/inspect/api.ts'
export type ModuleRow = ModulesView['modules'][number]

export const useModules = (): Asked<ModulesView> => useApi<ModulesView>('/modules', { live: false })
export const useCalls = (minutes: number): Asked<CallStats[]> => useApi<CallStats[]>(`/calls?minutes=${minutes}`)
