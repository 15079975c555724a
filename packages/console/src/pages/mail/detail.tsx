import { useState } from 'preact/hooks'
import { Card, Facts } from '../../parts/card.tsx'
import { bytes, exact } from '../../parts/format.ts'
import { Loaded } from '../../parts/states.tsx'
import { htmlOf, type MailDetail, useMail } from './api.ts'

export function Mail({ id }: { id: string }) {
  return <Loaded asked={useMail(id)}>{(mail) => <Opened mail={mail} />}</Loaded>
}

function Opened({ mail }: { mail: MailDetail }) {
  const [asText, setAsText] = useState(mail.html === undefined)
  return (
    <Card
      title={mail.subject || '(no subject)'}
      tools={
        mail.html !== undefined && (
          <button type="button" class="button small" onClick={() => setAsText(!asText)} aria-pressed={asText}>
            {asText ? 'Show HTML' : 'Show plain text'}
          </button>
        )
      }
    >
      <Facts
        facts={[
          ['From', mail.from],
          ['To', mail.to.join(', ')],
          ['Received', exact(mail.time)],
          ...mail.attachments.map((file): [string, string] => [
            'Attached',
            `${file.filename} (${file.contentType}, ${bytes(file.sizeBytes)})`,
          ]),
        ]}
      />
      {asText ? (
        <pre>{mail.text}</pre>
      ) : (
        <iframe class="mail-html" sandbox="" src={htmlOf(mail.id)} title={`HTML of ${mail.subject}`} />
      )}
    </Card>
  )
}
