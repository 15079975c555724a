import { Badge, Card, Facts } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { duration, percent, rate } from '../../parts/format.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { Table, type Column } from '../../parts/table.tsx'
import { type AdviceView, useAdvice } from './api.ts'

export function AdvicePage() {
  const asked = useAdvice()
  return (
    <>
      <PageHead title="Advice" />
      <Loaded
        asked={asked}
        empty={(view) =>
          view === null && (
            <Empty title="Nothing is judged here.">
              <p>The console of an app that runs shows what limits it, and the next step.</p>
            </Empty>
          )
        }
      >
        {(view) => view && <Advice view={view} />}
      </Loaded>
    </>
  )
}

type Named = AdviceView['findings'][number]

const TONES = { healthy: 'active', harmed: 'trouble', 'near a limit': 'warning', unknown: 'quiet' } as const

function Advice({ view }: { view: AdviceView }) {
  const { verdict, findings, fine, outcomes, regressions } = view
  const named = findings.find(({ code }) => code === verdict.bottleneck?.code)
  const others = findings.filter((one) => one !== named)
  return (
    <>
      <section class="verdict" aria-label="Verdict">
        <p>
          <Badge tone={TONES[verdict.state]}>{verdict.state}</Badge> {view.headline}
        </p>
      </section>
      <Lines title="Slower than before" lines={regressions} />
      <Lines title="What came of earlier advice" lines={outcomes} />
      {named ? <Bottleneck finding={named} isStep={verdict.next.kind === 'step'} /> : <Next words={view.next} />}
      <Room view={view} />
      {others.length > 0 && (
        <Card title="Also seen" note="explains less, or harms nobody yet">
          <ul class="lines">
            {others.map(({ words, code }) => (
              <li key={code}>
                <b>{words.title}.</b> <Prose text={words.claim} />
              </li>
            ))}
          </ul>
        </Card>
      )}
      {fine.length > 0 && (
        <Card title="Checked and fine">
          <p class="note lines">{fine.join('; ')}.</p>
        </Card>
      )}
    </>
  )
}

function Lines({ title, lines }: { title: string; lines: string[] }) {
  if (lines.length === 0) return null
  return (
    <Card title={title}>
      <ul class="lines">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </Card>
  )
}

function Next({ words }: { words: string }) {
  return (
    <Card title="Next">
      <p>{words}</p>
    </Card>
  )
}

function Bottleneck({ finding, isStep }: { finding: Named; isStep: boolean }) {
  const { words, proofs, against, confidence } = finding
  const { step } = words
  return (
    <div class="columns uneven">
      <Card title={isStep ? 'Next step' : 'Next'} {...(isStep && { tools: <Copy text={step.text} label="Copy" /> })}>
        <div class="finding">
          <p>
            <strong>{step.title}</strong>
          </p>
          <pre class="sql">{step.text}</pre>
          <Facts
            facts={[
              ['Expected', words.expected],
              ['Cost', step.cost],
              ['Risk', step.risk],
              ['Way back', <Prose text={step.wayBack} />],
              ['Afterwards', step.check],
            ]}
          />
        </div>
      </Card>
      <Card title={words.title} note={`confidence ${confidence}`}>
        <div class="finding">
          <p>
            <Prose text={words.claim} />
          </p>
          <Table label="What speaks for it" columns={FOR} rows={proofs} rowKey={({ signal }) => signal} />
          <Table label="What would rule it out" columns={AGAINST} rows={against} rowKey={({ check }) => check} />
        </div>
      </Card>
    </div>
  )
}

const FOR: Column<Named['proofs'][number]>[] = [
  { key: 'signal', head: 'For', wide: true, cell: ({ signal }) => signal },
  { key: 'value', head: 'Seen', align: 'right', cell: ({ value, unit }) => said(value, unit) },
  {
    key: 'from',
    head: 'Counts from',
    align: 'right',
    hide: 'phone',
    cell: ({ threshold, unit }) => said(threshold, unit),
  },
]

const AGAINST: Column<Named['against'][number]>[] = [
  { key: 'check', head: 'Would rule it out', wide: true, cell: ({ check }) => check },
  { key: 'value', head: 'Seen', align: 'right', hide: 'phone', cell: ({ value }) => value },
  {
    key: 'passed',
    head: '',
    align: 'right',
    cell: ({ passed }) => (passed ? 'no' : <Badge tone="warning">perhaps</Badge>),
  },
]

function said(value: number, unit: Named['proofs'][number]['unit']): string {
  if (unit === 'share') return percent(value)
  return unit === 'ms' ? duration(value) : rate(value)
}

type Limit = AdviceView['verdict']['headroom']['limits'][number]

const ROOM: Column<Limit>[] = [
  { key: 'resource', head: 'Resource', wide: true, cell: ({ resource }) => resource },
  { key: 'used', head: 'Used', align: 'right', cell: ({ used }) => percent(used) },
  { key: 'knee', head: 'Full at', align: 'right', hide: 'phone', cell: ({ knee }) => percent(knee) },
  {
    key: 'times',
    head: 'Carries',
    hint: 'Times the present load',
    align: 'right',
    cell: ({ times }) => `${times.toFixed(1)} ×`,
  },
]

const WHEN = {
  'too few days': 'when that is can be said after three weeks',
  'too irregular': 'the past is too irregular to say when that is',
  'no limit in sight': 'not reached within two years',
}

function Room({ view }: { view: AdviceView }) {
  const { limits, until, growth } = view.verdict.headroom
  if (limits.length === 0) return null
  const weeks = (days: number): string =>
    days >= 60 ? `${Math.round(days / 30.4)} months` : `${Math.round(days / 7)} weeks`
  const when = growth.known
    ? `reached in ${weeks(growth.low)} to ${weeks(growth.high)} at the present growth`
    : WHEN[growth.reason]
  return (
    <Card title="Room" note={until === undefined ? when : `up to ${rate(until)} requests/s; ${when}`}>
      <Table label="Limits" columns={ROOM} rows={limits} rowKey={({ resource }) => resource} />
    </Card>
  )
}

/** Text in which what stands between backticks is code. */
function Prose({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 === 0 ? part : <code key={i}>{part}</code>))}</>
}
