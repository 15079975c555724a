// Made by `tenfold types` from the migrated database. Do not edit.
import type { ColumnType, Generated, Json } from 'tenfold'

export interface NotificationsTables {
  crm_records: {
    kind: string
    key: string
    payload: Json
    outcome: string
    synced_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  deliveries: {
    id: Generated<string>
    endpoint_id: string
    event: string
    key: string
    payload: Json
    attempts: Generated<number>
    status: number | null
    problem: string | null
    delivered_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  endpoints: {
    id: Generated<string>
    user_id: string
    url: string
    secret: string
    events: string[]
    failures: Generated<number>
    disabled_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  mails: {
    kind: string
    key: string
    recipient: string
    message_id: string
    sent_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}
