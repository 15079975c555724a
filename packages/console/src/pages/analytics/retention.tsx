import { Card } from '../../parts/card.tsx'
import { Choice } from '../../parts/filters.tsx'
import { count, duration, percent } from '../../parts/format.ts'
import { Loaded } from '../../parts/states.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { type Range, type RetentionReport, selectionOf, textOf, useRetention } from './api.ts'
import { Download } from './download.tsx'
import { PickEvent } from './pick-event.tsx'
import { PickPeriod } from './pick-period.tsx'

/** Rolling retention: back at any time within a block of periods. */
const BLOCKS: readonly (readonly [number, number])[] = [
  [1, 1],
  [2, 7],
  [8, 30],
  [31, 90],
]

export function Retention({ names, range }: { names: string[]; range: Range }) {
  const [query, setQuery] = useQuery()
  const start = query['start'] ? selectionOf(query['start']) : undefined
  const back = query['back'] ? selectionOf(query['back']) : undefined
  const by = (query['by'] ?? 'week') as 'week'
  const measure = (query['measure'] ?? 'on') as 'on'
  const brackets = query['columns'] === 'rolling' ? BLOCKS : undefined
  const asked = useRetention({
    ...range,
    by,
    measure,
    cohort: (query['cohort'] ?? 'first') as 'first',
    ...(start && { start }),
    ...(back && { back }),
    ...(brackets && { brackets }),
  })
  return (
    <>
      <Card title="Who comes back" note={`periods are calendar ${by}s; weeks begin on Monday`}>
        <div class="builder">
          <PickEvent
            label="People who did"
            names={names}
            selection={start}
            none="anything"
            onChange={(one) => setQuery({ start: one && textOf(one) })}
          />
          <PickEvent
            label="and came back to"
            names={names}
            selection={back}
            none="anything"
            onChange={(one) => setQuery({ back: one && textOf(one) })}
          />
          <div class="fields">
            <PickPeriod periods={['week', 'day', 'month']} />
            <Choice
              label="Counted from"
              parameter="cohort"
              options={[
                ['first', 'the first time ever'],
                ['recurring', 'every time'],
              ]}
            />
            <Choice
              label="Back"
              parameter="measure"
              options={[
                ['on', `in that ${by}`],
                ['onOrAfter', `in that ${by} or later`],
              ]}
            />
            <Choice
              label="Columns"
              parameter="columns"
              options={[
                ['each', `each ${by}`],
                ['rolling', 'rolling: 1, 2–7, 8–30, 31–90'],
              ]}
            />
          </div>
        </div>
      </Card>
      <Loaded asked={asked}>
        {(report) => (
          <Card
            title="Retention"
            note={`${report.timeZone}; answered in ${duration(report.tookMs)}`}
            tools={<Download name="retention" rows={csv(report)} />}
          >
            <Triangle report={report} by={by} blocks={brackets} />
            <p class="definition">
              Of the people of a row, the share that was back {measure === 'on' ? 'in' : 'in or after'} the {by} of the
              column. Pale columns are not over yet.
            </p>
          </Card>
        )}
      </Loaded>
    </>
  )
}

function Triangle(props: {
  report: RetentionReport
  by: string
  blocks: readonly (readonly [number, number])[] | undefined
}) {
  const { by, blocks } = props
  const { cohorts } = props.report
  const nameOf = (i: number): string => (blocks ? `${by}s ${blocks[i]!.join('–')}` : `${by} ${i + 1}`)
  const columns = Math.max(0, ...cohorts.map(({ cells }) => cells.length))
  return (
    <div class="table-scroll">
      <table class="retention" aria-label="Retention">
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col" class="right">
              People
            </th>
            {Array.from({ length: columns }, (_, i) => (
              <th key={i} scope="col" class="right">
                {nameOf(i)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cohorts.map(({ from, size, cells }) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              <td class="right">{count(size)}</td>
              {cells.map(({ offset, count: n, share, complete }) => (
                <td
                  key={offset}
                  class={complete ? 'right heat' : 'right heat open'}
                  style={{ '--share': share }}
                  title={`${n} of ${size}${complete ? '' : ', so far'}`}
                >
                  {size === 0 ? '' : percent(share)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function csv({ cohorts }: RetentionReport): (string | number)[][] {
  return [
    ['began', 'people', 'period', 'back', 'share', 'complete'],
    ...cohorts.flatMap(({ from, size, cells }) =>
      cells.map(({ offset, count: n, share, complete }) => [from, size, offset, n, share, complete ? 'yes' : 'no']),
    ),
  ]
}
