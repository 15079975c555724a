import type { CronRow } from '../../../../tenfold/src/inspect/api.ts'
import { act } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { CronRow } from '../../../../tenfold/src/inspect/api.ts'
export type CronRun = CronRow['runs'][number]

export const useCrons = (): Asked<CronRow[]> => useApi<CronRow[]>('/crons')

export const runNow = (name: string): Promise<{ jobId: string }> =>
  act('POST', `/crons/${encodeURIComponent(name)}/run`)
