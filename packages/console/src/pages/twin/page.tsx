import { Badge, Card, Facts } from '../../parts/card.tsx'
import { count, duration } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type TwinFindingView, type TwinRunView, useTwinRuns } from './api.ts'

export function TwinPage() {
  const [query] = useQuery()
  return (
    <>
      <PageHead title="Twin test" />
      <Loaded
        asked={useTwinRuns()}
        empty={(runs) =>
          runs.length === 0 && (
            <Empty title="No twin test was run in this project.">
              <p>
                <code>tenfold twin</code> runs two instances of the app at once and names, with file and line, what
                works for one only. Its last runs are shown here.
              </p>
            </Empty>
          )
        }
      >
        {(runs) => {
          const chosen = runs.find(({ id }) => id === query['run']) ?? runs[0]!
          return (
            <>
              <Run run={chosen} />
              <Card title="Last runs">
                <Table
                  label="Runs"
                  columns={COLUMNS}
                  rows={runs}
                  rowKey={({ id }) => id}
                  href={({ id }) => `/twin?run=${encodeURIComponent(id)}`}
                  current={(run) => run === chosen}
                  sorting={{ parameter: 'sort', initial: 'at' }}
                />
              </Card>
            </>
          )
        }}
      </Loaded>
    </>
  )
}

function Run({ run }: { run: TwinRunView }) {
  const { command, at, instances, steps, runs, ms, findings, notes, clean, passed, watched } = run
  return (
    <>
      <Card title={passed ? 'Two of these can run at once' : 'What works for one instance only'} note={command}>
        <Facts
          facts={[
            ['Result', <Result run={run} />],
            ['When', <Time at={at} />],
            ['Instances', count(instances)],
            ['Asked', `${count(steps)} steps, ${count(runs)} times`],
            ['Took', duration(ms)],
            ['Seen', watched ? 'from inside' : 'by its answers and its disk'],
          ]}
        />
        {notes.length > 0 && (
          <div class="finding">
            {notes.map((note) => (
              <p class="note" key={note}>
                {note}
              </p>
            ))}
          </div>
        )}
      </Card>
      {findings.map((finding, i) => (
        <Finding key={i} finding={finding} />
      ))}
      <Card title="Looked for, and not seen" note="as far as the scenario shows">
        <Table label="Not seen" columns={NOT_SEEN} rows={clean} rowKey={({ cause }) => cause} />
      </Card>
    </>
  )
}

function Finding({ finding }: { finding: TwinFindingView }) {
  const { cause, title, means, fix, places, differences, evidence } = finding
  return (
    <Card title={title} note={<code>{cause}</code>}>
      <div class="finding">
        <p>{means}</p>
        <p>
          <strong>Fix</strong> {fix}
        </p>
        {places.length > 0 && (
          <p>
            <strong>In the code</strong>{' '}
            {places.map((place, i) => (
              <>
                {i > 0 && ', '}
                <code key={place}>{place}</code>
              </>
            ))}
          </p>
        )}
        {differences.length + evidence.length > 0 && <pre class="sql">{[...differences, ...evidence].join('\n')}</pre>}
      </div>
    </Card>
  )
}

function Result({ run: { passed, findings } }: { run: TwinRunView }) {
  return passed ? (
    <Badge tone="active">passes</Badge>
  ) : (
    <Badge tone="trouble">{findings.length === 1 ? 'one finding' : `${findings.length} findings`}</Badge>
  )
}

const NOT_SEEN: Column<TwinRunView['clean'][number]>[] = [
  { key: 'title', head: 'Assumption', wide: true, cell: ({ title }) => title },
  { key: 'cause', head: 'Name', hide: 'phone', cell: ({ cause }) => <code>{cause}</code> },
]

const COLUMNS: Column<TwinRunView>[] = [
  { key: 'at', head: 'When', cell: ({ at }) => <Time at={at} />, sort: ({ at }) => at },
  { key: 'command', head: 'Command', wide: true, cell: ({ command }) => <code>{command}</code> },
  { key: 'result', head: 'Result', cell: (run) => <Result run={run} />, sort: ({ findings }) => findings.length },
  { key: 'instances', head: 'Instances', align: 'right', hide: 'phone', cell: ({ instances }) => count(instances) },
  { key: 'steps', head: 'Steps', align: 'right', hide: 'phone', cell: ({ steps }) => count(steps) },
  { key: 'ms', head: 'Took', align: 'right', hide: 'narrow', cell: ({ ms }) => duration(ms), sort: ({ ms }) => ms },
]
