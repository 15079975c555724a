import type { ColumnType, Generated } from 'tenfold'

export interface NotificationsTables {
  mails: {
    kind: string
    key: string
    recipient: string
    message_id: string
    sent_at: Date | null
    created_at: Generated<Date>
  }
  endpoints: {
    id: Generated<string>
    user_id: string
    url: string
    secret: string
    events: string[]
    failures: Generated<number>
    disabled_at: Date | null
    created_at: Generated<Date>
  }
  deliveries: {
    id: Generated<string>
    endpoint_id: string
    event: string
    key: string
    payload: ColumnType<unknown, string, never>
    attempts: Generated<number>
    status: number | null
    problem: string | null
    delivered_at: Date | null
    created_at: Generated<Date>
  }
  crm_records: {
    kind: string
    key: string
    payload: ColumnType<unknown, string, string>
    outcome: string
    synced_at: Generated<Date>
  }
}
