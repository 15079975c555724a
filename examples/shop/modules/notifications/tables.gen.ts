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
  mail_message: {
    id: Generated<string>
    template: string
    key: string
    recipient: string
    state: Generated<string>
    answer: string | null
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
    sent_at: ColumnType<Date | null, Date | string | null, Date | string | null>
  }
  mail_suppressed: {
    address: string
    reason: string
    since: ColumnType<Date, Date | string | undefined, Date | string>
  }
  webhook_delivery: {
    id: Generated<string>
    message_id: string
    endpoint_id: string
    attempts: Generated<number>
    status: number | null
    problem: string | null
    answer: string | null
    attempted_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    delivered_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  webhook_endpoint: {
    id: Generated<string>
    owner: string
    url: string
    events: string[]
    secret: string
    old_secret: string | null
    old_secret_until: ColumnType<Date | null, Date | string | null, Date | string | null>
    failures: Generated<number>
    failing_since: ColumnType<Date | null, Date | string | null, Date | string | null>
    disabled_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    disabled_why: string | null
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  webhook_message: {
    id: Generated<string>
    owner: string
    type: string
    key: string | null
    body: string
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  webhook_received: {
    route: string
    id: string
    received_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
}
