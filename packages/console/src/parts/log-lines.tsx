import { useState } from 'preact/hooks'
import type { LogRow } from '../../../tenfold/src/inspect/api.ts'
import { moveFocus } from './move-focus.ts'
import { Time } from './time.tsx'

const TONES: Partial<Record<LogRow['level'], string>> = { warn: 'warning', error: 'trouble', fatal: 'trouble' }

/** Log lines; each opens to show its fields. Everything in them is text from elsewhere and is shown as text. */
export function LogLines({ rows }: { rows: LogRow[] }) {
  const [open, setOpen] = useState<string>()
  return (
    <ol class="log" onKeyDown={(event) => moveFocus(event, '.log-line')}>
      {rows.map((row) => (
        <li key={row.id} class={open === row.id ? 'open' : ''}>
          <button
            type="button"
            class="log-line row-link"
            aria-expanded={open === row.id}
            onClick={() => setOpen(open === row.id ? undefined : row.id)}
          >
            <Time at={row.time} as="precise" />
            <span class={`level ${TONES[row.level] ?? ''}`}>{row.level}</span>
            <span class="log-text">
              {row.message} <span class="log-fields">{inline(row.fields)}</span>
            </span>
          </button>
          {open === row.id && <LogDetail row={row} />}
        </li>
      ))}
    </ol>
  )
}

function LogDetail({ row }: { row: LogRow }) {
  return (
    <div class="log-detail">
      <p>{row.message}</p>
      {Object.keys(row.fields).length > 0 && <pre>{JSON.stringify(row.fields, null, 2)}</pre>}
      <p class="note">
        {row.traceId && (
          <>
            <a href={`/requests/${encodeURIComponent(row.traceId)}`}>Show its trace</a>
            {' · '}
            <a href={`/logs?trace=${encodeURIComponent(row.traceId)}`}>All lines of this trace</a>
            {' · '}
          </>
        )}
        instance {row.instanceId}
      </p>
    </div>
  )
}

function inline(fields: LogRow['fields']): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
    .slice(0, 400)
}
