import { useState } from 'preact/hooks'
import type { ApiFailure } from '../../api/client.ts'
import { Card } from '../../parts/card.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { Search } from '../../parts/filters.tsx'
import { count } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { endSession, endSessions, type SessionRow, useSessions } from './api.ts'

export function SessionsPage() {
  const [{ user = '' }] = useQuery()
  return (
    <>
      <PageHead title="Sessions">
        <Search label="User" parameter="user" placeholder="id of a user" />
      </PageHead>
      {user === '' ? (
        <Empty title="Whose sessions?">
          <p>Give the id of a user above: it is in each trace and log line of what they did.</p>
        </Empty>
      ) : (
        <SessionsOf key={user} user={user} />
      )}
    </>
  )
}

function SessionsOf({ user }: { user: string }) {
  const asked = useSessions(user)
  const [asking, setAsking] = useState(false)
  const [failure, setFailure] = useState<string>()
  const end = (ref: string): void => {
    endSession(user, ref).then(asked.refresh, (error: ApiFailure) => setFailure(error.message))
  }
  return (
    <Loaded asked={asked} empty={(rows) => rows.length === 0 && <Empty title={`User ${user} is signed in nowhere.`} />}>
      {(rows) => (
        <Card
          title={`Where ${user} is signed in`}
          note={`${count(rows.length)} sessions`}
          tools={
            <button type="button" class="button acts" onClick={() => setAsking(true)}>
              End all
            </button>
          }
        >
          {failure && (
            <p class="banner trouble" role="alert">
              {failure}
            </p>
          )}
          <Table
            label="Sessions"
            columns={columns(end)}
            rows={rows}
            rowKey={({ ref }) => ref}
            sorting={{ parameter: 'sort', initial: 'seen' }}
          />
          {asking && (
            <Confirm
              title={`End all sessions of ${user}?`}
              action="End them"
              onConfirm={() => endSessions(user).then(asked.refresh)}
              onClose={() => setAsking(false)}
            >
              <p>They are signed out on every device at once, and can sign in again.</p>
            </Confirm>
          )}
        </Card>
      )}
    </Loaded>
  )
}

const columns = (end: (ref: string) => void): Column<SessionRow>[] => [
  { key: 'agent', head: 'Program', wide: true, cell: ({ userAgent }) => userAgent ?? 'unknown' },
  { key: 'network', head: 'Network', hide: 'phone', cell: ({ network }) => network ?? '–' },
  {
    key: 'seen',
    head: 'Last seen',
    align: 'right',
    cell: ({ lastSeenAt }) => <Time at={lastSeenAt} />,
    sort: ({ lastSeenAt }) => lastSeenAt,
  },
  {
    key: 'created',
    head: 'Signed in',
    align: 'right',
    hide: 'narrow',
    cell: ({ createdAt }) => <Time at={createdAt} />,
    sort: ({ createdAt }) => createdAt,
  },
  {
    key: 'end',
    head: '',
    align: 'right',
    cell: ({ ref }) => (
      <button type="button" class="button small acts" aria-label={`End session ${ref}`} onClick={() => end(ref)}>
        End
      </button>
    ),
  },
]
