import { useState } from 'preact/hooks'
import { act, type ApiFailure } from '../../api/client.ts'
import { useApi } from '../../api/use-api.ts'
import { Confirm } from '../../parts/dialog.tsx'
import { Time } from '../../parts/time.tsx'

interface Level {
  level: string
  until?: number
}

const MINUTES = 15

/** What the processes write, and how to have them write more for a while. */
export function LogLevel() {
  const asked = useApi<Level>('/log-level')
  const [asking, setAsking] = useState(false)
  const [failure, setFailure] = useState<string>()
  if (!asked.data) return null
  const { level, until } = asked.data
  const set = (to: string, minutes: number): Promise<void> =>
    act('POST', `/log-level?${new URLSearchParams({ level: to, minutes: String(minutes) })}`).then(
      () => {
        setFailure(undefined)
        asked.refresh()
      },
      ({ message, fix }: ApiFailure) => setFailure(`${message} ${fix}`),
    )
  return (
    <div class="list-end">
      <span role="status">
        All processes write <code>{level}</code> and above
        {until !== undefined && (
          <>
            {' '}
            until <Time at={until} />
          </>
        )}
        .{failure && <span class="trouble"> {failure}</span>}
      </span>
      {until !== undefined ? (
        <button type="button" class="button acts" onClick={() => void set(level, 0)}>
          Back to the usual level
        </button>
      ) : (
        <button type="button" class="button acts" onClick={() => setAsking(true)}>
          Write more…
        </button>
      )}
      {asking && (
        <Confirm
          title={`Write debug lines for ${MINUTES} minutes?`}
          action="Write debug lines"
          onConfirm={() => set('debug', MINUTES)}
          onClose={() => setAsking(false)}
        >
          <p>In every process, now, and back by itself. The log and the store of lines grow meanwhile.</p>
        </Confirm>
      )}
    </div>
  )
}
