import { Card } from '../../parts/card.tsx'
import { Choice, Search } from '../../parts/filters.tsx'
import { count, duration, percent } from '../../parts/format.ts'
import { Empty, Loaded } from '../../parts/states.tsx'
import { useQuery } from '../../parts/use-query.ts'
import {
  type FunnelReport,
  type FunnelStep,
  type Range,
  selectionOf,
  type Selection,
  textOf,
  useFunnel,
  wordsOf,
} from './api.ts'
import { Download } from './download.tsx'
import { PickEvent } from './pick-event.tsx'

const ORDERS = {
  ordered: 'in this order, with anything between',
  strict: 'in this order, with nothing between',
  any: 'in any order: a step is “any so many of them”',
}

export function Funnel({ names, range }: { names: string[]; range: Range }) {
  const [query, setQuery] = useQuery()
  const steps = (query['steps'] ?? '').split(',').filter(Boolean).map(selectionOf)
  const change = (next: (Selection | undefined)[]): void =>
    setQuery({ steps: next.flatMap((step) => (step ? [textOf(step)] : [])).join(',') || undefined })
  return (
    <>
      <Card title="Steps" note={ORDERS[(query['order'] ?? 'ordered') as keyof typeof ORDERS]}>
        <div class="builder">
          {[...steps, undefined].slice(0, 10).map((step, i) => (
            <PickEvent
              key={`${i} ${step?.event}`}
              label={`${i + 1}.`}
              names={names}
              selection={step}
              none={step ? '– leave out –' : '– add a step –'}
              onChange={(chosen) => change(i < steps.length ? steps.with(i, chosen!) : [...steps, chosen])}
            />
          ))}
          <div class="fields">
            <Choice
              label="Order"
              parameter="order"
              options={[
                ['ordered', 'as listed'],
                ['strict', 'strictly'],
                ['any', 'any'],
              ]}
            />
            <Choice
              label="Within"
              parameter="window"
              options={[
                ['14d', '14 days'],
                ['1h', '1 hour'],
                ['1d', '1 day'],
                ['7d', '7 days'],
                ['30d', '30 days'],
              ]}
            />
            <Choice
              label="Attempt"
              parameter="entry"
              options={[
                ['any', 'that got furthest'],
                ['first', 'the first one'],
              ]}
            />
            <Search label="Split by" parameter="breakdown" placeholder="property" />
          </div>
        </div>
      </Card>
      {steps.length < 2 ? (
        <Empty title="Choose two steps or more.">
          <p>Such as a page that is seen, and what should follow from it.</p>
        </Empty>
      ) : (
        <Answer steps={steps} range={range} />
      )}
    </>
  )
}

function Answer({ steps, range }: { steps: Selection[]; range: Range }) {
  const [{ order, entry, window, breakdown }] = useQuery()
  const asked = useFunnel({
    ...range,
    steps,
    window: (window ?? '14d') as '14d',
    order: (order ?? 'ordered') as 'ordered',
    entry: (entry ?? 'any') as 'any',
    ...(breakdown && { breakdown }),
  })
  return (
    <Loaded asked={asked}>
      {(report) => (
        <>
          <Card
            title="Conversion"
            note={`entered ${range.from} to ${range.to}, ${report.timeZone}; answered in ${duration(report.tookMs)}`}
            tools={<Download name="funnel" rows={csv(report)} />}
          >
            <Bars steps={report.steps} names={steps.map(wordsOf)} />
            <p class="definition">
              Each person counts once. The time runs from the first step to the last; steps after the end of the range
              count while it lasts.
              {report.stillOpen > 0 && ` ${count(report.stillOpen)} entered so lately that they may still go on.`}
            </p>
          </Card>
          {report.breakdown && (
            <Card title={`By ${breakdown}`} note="of the first step; who entered with two values counts in both">
              {report.breakdown.map(({ value, steps: part }) => (
                <div key={String(value)} class="funnel-part">
                  <h3>{value ?? '(without)'}</h3>
                  <Bars steps={part} names={steps.map(wordsOf)} />
                </div>
              ))}
            </Card>
          )}
        </>
      )}
    </Loaded>
  )
}

function Bars({ steps, names }: { steps: FunnelStep[]; names: string[] }) {
  return (
    <ol class="funnel">
      {steps.map((step, k) => (
        <li key={k}>
          <span class="funnel-name">{names[k]}</span>
          <span class="funnel-bar" style={{ '--share': step.ofFirst }} aria-hidden="true" />
          <span class="funnel-count">
            <b>{count(step.count)}</b> {percent(step.ofFirst)}
          </span>
          <span class="funnel-detail">
            {k > 0 && `${percent(step.ofPrevious)} of the step before`}
            {step.medianMs !== null &&
              `; half within ${duration(step.medianMs)}, 9 of 10 within ${duration(step.p90Ms!)}`}
          </span>
        </li>
      ))}
    </ol>
  )
}

function csv({ steps, breakdown = [] }: FunnelReport): (string | number | null)[][] {
  const line = (
    value: string | null,
    { event, count: n, ofFirst, ofPrevious, medianMs, p90Ms }: FunnelStep,
    k: number,
  ) => [value, k + 1, event, n, ofFirst, ofPrevious, medianMs, p90Ms]
  return [
    ['split', 'step', 'event', 'count', 'of_first', 'of_previous', 'median_ms', 'p90_ms'],
    ...steps.map((step, k) => line('', step, k)),
    ...breakdown.flatMap(({ value, steps: part }) => part.map((step, k) => line(value ?? '(without)', step, k))),
  ]
}
