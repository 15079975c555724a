import type { LogRow } from '../../../../tenfold/src/inspect/api.ts'
import { withQuery } from '../../api/client.ts'
import { type List, useList } from '../../api/use-list.ts'

export const useLogs = (filter: Record<string, string | undefined>): List<LogRow> =>
  useList<LogRow>(withQuery('/logs', filter), (row) => row.id)
