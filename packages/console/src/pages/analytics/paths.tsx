import { Card } from '../../parts/card.tsx'
import { Choice } from '../../parts/filters.tsx'
import { count, duration, percent } from '../../parts/format.ts'
import { Empty, Loaded } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type PathsReport, type Range, selectionOf, type Selection, textOf, usePaths } from './api.ts'
import { PickEvent } from './pick-event.tsx'

export function Paths({ names, range }: { names: string[]; range: Range }) {
  const [query, setQuery] = useQuery()
  const start = query['start'] ? selectionOf(query['start']) : { event: names[0]! }
  return (
    <>
      <Card title="Paths">
        <div class="builder">
          <PickEvent
            label="From"
            names={names}
            selection={start}
            onChange={(chosen) => setQuery({ start: chosen && textOf(chosen) })}
          />
          <div class="fields">
            <Choice
              label="Show"
              parameter="direction"
              options={[
                ['after', 'what came after'],
                ['before', 'what led there'],
              ]}
            />
            <Choice
              label="Events"
              parameter="depth"
              options={[
                ['4', '4'],
                ['2', '2'],
                ['6', '6'],
              ]}
            />
            <Choice
              label="Ends with a pause of"
              parameter="gap"
              options={[
                ['30m', '30 minutes'],
                ['24h', 'a day'],
                ['7d', 'a week'],
              ]}
            />
          </div>
        </div>
      </Card>
      <Answer start={start} range={range} />
    </>
  )
}

function Answer({ start, range }: { start: Selection; range: Range }) {
  const [query] = useQuery()
  const asked = usePaths({
    ...range,
    start,
    direction: (query['direction'] ?? 'after') as 'after',
    depth: Number(query['depth'] ?? 4),
    gap: query['gap'] ?? '30m',
  })
  return (
    <Loaded
      asked={asked}
      empty={({ people }) => people === 0 && <Empty title={`Nobody did “${start.event}” in that time.`} />}
    >
      {(report) => (
        <Card
          title={`${count(report.people)} people`}
          note={`${report.timeZone}; answered in ${duration(report.tookMs)}`}
        >
          <div class="paths">
            {placesOf(report).map((names, place) => (
              <ol key={place} aria-label={place === 0 ? 'Beginning' : `Event ${place}`}>
                {names.map(({ name, people }) => (
                  <li key={name} style={{ '--share': people / report.people }}>
                    <span>{name ?? 'nothing more'}</span> <b>{percent(people / report.people)}</b>
                  </li>
                ))}
              </ol>
            ))}
          </div>
          <Table
            label="Steps of paths"
            rows={report.links}
            rowKey={({ step, from, to }) => JSON.stringify([step, from, to])}
            columns={[
              { key: 'step', head: 'Step', align: 'right', cell: ({ step }) => step + 1 },
              { key: 'from', head: 'From', cell: ({ from }) => from },
              { key: 'to', head: 'To', wide: true, cell: ({ to }) => to ?? <span class="faint">nothing more</span> },
              { key: 'people', head: 'People', align: 'right', cell: ({ people }) => count(people) },
            ]}
          />
          <p class="definition">
            Each person counts once, from the first time in the range. The same event again and again is one step. A
            path ends with a longer pause, or after as many such pauses as it has events.
          </p>
        </Card>
      )}
    </Loaded>
  )
}

/** Who is where at each place; null for those whose path has ended. */
function placesOf({ people, links }: PathsReport): { name: string | null; people: number }[][] {
  const depth = Math.max(...links.map(({ step }) => step)) + 1
  const first = [{ name: links[0]!.from, people }]
  const rest = Array.from({ length: depth }, (_, step) => {
    const at = new Map<string | null, number>()
    for (const { to, people: n } of links.filter((link) => link.step === step)) at.set(to, (at.get(to) ?? 0) + n)
    return [...at].map(([name, n]) => ({ name, people: n })).sort((a, b) => b.people - a.people)
  })
  return [first, ...rest]
}
