import { useState } from 'preact/hooks'
import type { ApiFailure } from '../../api/client.ts'
import { Card } from '../../parts/card.tsx'
import { Loaded } from '../../parts/states.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { removeReport, type SavedReport, saveReport, useReports } from './api.ts'

/** Questions that are asked again and again, for everybody. */
export function SavedReports({ view }: { view: string }) {
  const [query] = useQuery()
  const asked = useReports()
  const [title, setTitle] = useState('')
  const [failure, setFailure] = useState<string>()
  const run = (action: Promise<unknown>): Promise<void> =>
    action.then(
      () => {
        setFailure(undefined)
        setTitle('')
        asked.refresh()
      },
      ({ message, fix }: ApiFailure) => setFailure(`${message} ${fix}`),
    )
  const save = (event: Event): void => {
    event.preventDefault()
    void run(saveReport(title, view, `/analytics?${new URLSearchParams({ ...query, view })}`))
  }
  return (
    <Card title="Saved">
      <form class="save-form builder" onSubmit={save}>
        <label class="field">
          <span>Name</span>
          <input
            required
            maxLength={100}
            value={title}
            onInput={({ currentTarget }) => setTitle(currentTarget.value)}
          />
        </label>
        <button class="button acts">Save this question</button>
      </form>
      {failure && (
        <p class="banner trouble" role="alert">
          {failure}
        </p>
      )}
      <Loaded asked={asked}>
        {(reports) => (
          <ul class="saved">
            {reports.map((report) => (
              <li key={report.id}>
                <a href={addressOf(report)}>{report.title}</a> <span class="faint">{report.kind}</span>
                <button
                  type="button"
                  class="button acts"
                  aria-label={`Remove ${report.title}`}
                  onClick={() => void run(removeReport(report.id))}
                >
                  Remove
                </button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  )
}

/** Of this console only, whatever was saved. */
function addressOf({ query }: SavedReport): string {
  const { address } = Object(query) as { address?: unknown }
  return typeof address === 'string' && address.startsWith('/analytics?') ? address : '/analytics'
}
