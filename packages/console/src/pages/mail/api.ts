import type { MailDetail, MailRow } from '../../../../tenfold/src/inspect/api.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { MailDetail, MailRow } from '../../../../tenfold/src/inspect/api.ts'

export const useMails = (): Asked<MailRow[]> => useApi<MailRow[]>('/mails')

export const useMail = (id: string): Asked<MailDetail> =>
  useApi<MailDetail>(`/mails/${encodeURIComponent(id)}`, { live: false })

/** The HTML of a mail, with a policy of its own: no script, nothing from the network. */
export const htmlOf = (id: string): string => `/api/mails/${encodeURIComponent(id)}/html`
