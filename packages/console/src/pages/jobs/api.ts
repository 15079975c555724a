import type { JobDetail, JobRow, JobSummary } from '../../../../tenfold/src/inspect/api.ts'
import { act, withQuery } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'
import { type List, useList } from '../../api/use-list.ts'

export type { JobDetail, JobRow, JobSummary } from '../../../../tenfold/src/inspect/api.ts'

export const useSummary = (): Asked<JobSummary[]> => useApi<JobSummary[]>('/jobs/summary')

export const useJobs = (filter: Record<string, string | undefined>): List<JobRow> =>
  useList<JobRow>(withQuery('/jobs', filter), (job) => job.id)

export const useJob = (id: string): Asked<JobDetail> => useApi<JobDetail>(`/jobs/${encodeURIComponent(id)}`)

export const change = (id: string, action: 'retry' | 'discard' | 'cancel'): Promise<{ done: boolean }> =>
  act('POST', `/jobs/${encodeURIComponent(id)}/${action}`)

/** In words. */
export const eventsOf = (events: number): string => (events === 1 ? '1 event' : `${events} events`)

/** All jobs of a name, in all processes. */
export const hold = (name: string, action: 'pause' | 'resume'): Promise<{ done: boolean }> =>
  act('POST', `/jobs/${encodeURIComponent(name)}/${action}`)
