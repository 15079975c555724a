import { useRoute } from 'preact-iso'
import { Badge, Card, Facts } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { count, duration, exact } from '../../parts/format.ts'
import { LogLines } from '../../parts/log-lines.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { Finding } from '../findings/finding.tsx'
import { type TraceDetail, useTrace } from './api.ts'
import { Status } from './page.tsx'
import { Waterfall } from './waterfall.tsx'

export function TracePage() {
  const { params } = useRoute()
  const asked = useTrace(params['traceId'] ?? '')
  return (
    <>
      <PageHead title={asked.data ? <code>{asked.data.name}</code> : 'Trace'} back={['/requests', 'Requests']}>
        <Copy text={location.href} label="Copy link" />
      </PageHead>
      <Loaded asked={asked}>{(trace) => <Trace trace={trace} />}</Loaded>
    </>
  )
}

function Trace({ trace }: { trace: TraceDetail }) {
  return (
    <>
      {trace.error && <p class="banner trouble">{trace.error}</p>}
      {trace.findings.map((finding) => (
        <Card title={finding.title} key={`${finding.code} ${finding.query} ${finding.callSite}`}>
          <Finding finding={finding} />
        </Card>
      ))}
      <Card title="Trace" note={<code>{trace.traceId}</code>}>
        <Facts
          facts={[
            ['Kind', <Badge>{trace.kind}</Badge>],
            ['Result', <Status status={trace.status} failed={trace.error !== undefined} />],
            ['Took', duration(trace.durationMs)],
            ['Started', exact(trace.startedAt)],
            ['Queries', count(trace.queries)],
            ['Module', trace.module ?? '–'],
            ['User', trace.userId ?? '–'],
          ]}
        />
      </Card>
      <Card
        title="Where the time went"
        note={
          trace.droppedSpans > 0
            ? `${count(trace.droppedSpans)} more steps were not kept`
            : `${count(trace.tree.length)} ${trace.tree.length === 1 ? 'step' : 'steps'}`
        }
      >
        <Waterfall trace={trace} />
      </Card>
      <Card title="Log lines" note="written while it ran">
        {trace.logs.length > 0 ? (
          <LogLines rows={trace.logs} />
        ) : (
          <Empty title="It wrote no log lines.">
            <p>
              In a handler or job, <code>log.info('…')</code> writes one that appears here.
            </p>
          </Empty>
        )}
      </Card>
    </>
  )
}
