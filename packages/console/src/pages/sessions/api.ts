import type { SessionRow } from '../../../../tenfold/src/console/held.ts'
import { act } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { SessionRow } from '../../../../tenfold/src/console/held.ts'

export const useSessions = (user: string): Asked<SessionRow[]> =>
  useApi<SessionRow[]>(`/sessions?user=${encodeURIComponent(user)}`)

export const endSession = (user: string, ref: string): Promise<{ done: boolean }> =>
  act('POST', `/sessions/${encodeURIComponent(user)}/${encodeURIComponent(ref)}/end`)

export const endSessions = (user: string): Promise<{ ended: number }> =>
  act('POST', `/sessions/${encodeURIComponent(user)}/end`)
