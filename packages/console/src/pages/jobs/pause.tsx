import { useState } from 'preact/hooks'
import { Confirm } from '../../parts/dialog.tsx'
import { type JobSummary, hold } from './api.ts'

/** Holds the jobs of the chosen name back, or lets them go on. */
export function PauseOrResume({ row, onChanged }: { row: JobSummary | undefined; onChanged(): void }) {
  const [asking, setAsking] = useState(false)
  if (!row) return null
  const action = row.paused ? 'resume' : 'pause'
  return (
    <div class="list-end">
      <span>
        <code>{row.name}</code> {row.paused ? 'is paused: its jobs wait.' : ''}
      </span>
      <button type="button" class="button acts" onClick={() => setAsking(true)}>
        {row.paused ? 'Resume…' : 'Pause…'}
      </button>
      {asking && (
        <Confirm
          title={row.paused ? 'Let these jobs run again?' : 'Hold these jobs back?'}
          action={row.paused ? 'Resume jobs' : 'Pause jobs'}
          onConfirm={async () => {
            await hold(row.name, action)
            onChanged()
          }}
          onClose={() => setAsking(false)}
        >
          <p>
            {row.paused
              ? 'What has gathered meanwhile runs as fast as the workers can.'
              : 'Jobs of this name that wait, and those that come, do not begin, in any process, until they are resumed. What runs now goes on to its end.'}
          </p>
        </Confirm>
      )}
    </div>
  )
}
