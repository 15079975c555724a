import type { CallStats } from '../../../../tenfold/src/inspect/api.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { CallStats } from '../../../../tenfold/src/inspect/api.ts'

/** As `console/source.ts` of the framework has it. */
export interface ModulesView {
  modules: ModuleRow[]
  roles: string[]
  variables: { name: string; value?: string }[]
  config: Record<string, unknown>
}

export interface ModuleRow {
  name: string
  served: boolean
  uses: string[]
  listensTo: string[]
  routes: string[]
  jobs: string[]
  crons: string[]
  events: string[]
  caches: string[]
  metrics: string[]
}

export const useModules = (): Asked<ModulesView> => useApi<ModulesView>('/modules', { live: false })
export const useCalls = (minutes: number): Asked<CallStats[]> => useApi<CallStats[]>(`/calls?minutes=${minutes}`)
