import { useLive } from '../../api/live.tsx'
import { Card } from '../../parts/card.tsx'
import { Choice, Search } from '../../parts/filters.tsx'
import { ListEnd } from '../../parts/list-end.tsx'
import { LogLines } from '../../parts/log-lines.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { useLogs } from './api.ts'
import { LogLevel } from './level.tsx'

const LEVELS: [string, string][] = [
  ['', 'every level'],
  ['debug', 'debug and above'],
  ['info', 'info and above'],
  ['warn', 'warnings and errors'],
  ['error', 'errors'],
]

export function LogsPage() {
  const [{ level, search, trace }, setQuery] = useQuery()
  const list = useLogs({ level, search, trace })
  const { status } = useLive()
  const still = list.backToNewest
    ? 'standing still'
    : { live: 'newest first, following', paused: 'paused', away: 'no answer' }[status]
  return (
    <>
      <PageHead title="Logs">
        <Choice label="Level" parameter="level" options={LEVELS} />
        <Search label="Search" parameter="search" placeholder="text of the message" />
      </PageHead>
      {trace && (
        <p class="banner">
          Lines of the trace{' '}
          <a href={`/requests/${encodeURIComponent(trace)}`}>
            <code>{trace}</code>
          </a>
          .{' '}
          <button type="button" class="button small" onClick={() => setQuery({ trace: undefined })}>
            Show all lines
          </button>
        </p>
      )}
      <LogLevel />
      <Card title="Lines" note={still}>
        <Loaded
          asked={list}
          empty={(rows) =>
            rows.length === 0 && (
              <Empty title={level || search || trace ? 'No line fits these filters.' : 'No log lines yet.'}>
                {level || search || trace ? (
                  <>
                    <p>Of requests that went well, 20 lines a second are kept here; standard output has all.</p>
                    <button
                      type="button"
                      class="button"
                      onClick={() => setQuery({ level: undefined, search: undefined, trace: undefined })}
                    >
                      Show all lines
                    </button>
                  </>
                ) : (
                  <p>
                    <code>log.info('…')</code> in a handler or a job writes one; LOG_LEVEL decides how much is kept.
                  </p>
                )}
              </Empty>
            )
          }
        >
          {(rows) => (
            <>
              <LogLines rows={rows} />
              <ListEnd list={list} />
            </>
          )}
        </Loaded>
      </Card>
    </>
  )
}
