import { useRoute } from 'preact-iso'
import { Card } from '../../parts/card.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { type MailRow, useMails } from './api.ts'
import { Mail } from './detail.tsx'

export function MailPage() {
  const id = useRoute().params['id']
  const asked = useMails()
  return (
    <>
      <PageHead title="Mail" />
      <div class={id ? 'columns mail' : ''}>
        <Card title="Received" note="kept by the development mail server; nothing left this machine">
          <Loaded
            asked={asked}
            empty={(mails) =>
              mails.length === 0 && (
                <Empty title="No mail yet.">
                  <p>In development every mail that the app sends ends here. Sign up in the app to see one.</p>
                </Empty>
              )
            }
          >
            {(mails) => (
              <Table
                label="Mail"
                columns={COLUMNS}
                rows={mails}
                rowKey={(mail) => mail.id}
                href={(mail) => `/mail/${encodeURIComponent(mail.id)}`}
                current={(mail) => mail.id === id}
              />
            )}
          </Loaded>
        </Card>
        {id && <Mail key={id} id={id} />}
      </div>
    </>
  )
}

const COLUMNS: Column<MailRow>[] = [
  { key: 'subject', head: 'Subject', wide: true, cell: (mail) => mail.subject || '(no subject)' },
  { key: 'to', head: 'To', cell: (mail) => mail.to.join(', ') },
  { key: 'time', head: 'Received', align: 'right', cell: (mail) => <Time at={mail.time} /> },
]
