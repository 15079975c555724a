import { useState } from 'preact/hooks'
import { duration } from '../../parts/format.ts'
import { moveFocus } from '../../parts/move-focus.ts'
import type { TraceDetail, TraceSpan } from './api.ts'

interface Step {
  span: TraceSpan
  depth: number
}

/** The steps of a trace as bars over time, each under the step that it was part of. */
export function Waterfall({ trace }: { trace: TraceDetail }) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const steps = inOrder(trace.tree)
  const total = Math.max(trace.durationMs, ...trace.tree.map((span) => span.offsetMs + span.durationMs), 0.001)
  const toggle = (id: string): void =>
    setOpen((old) => (old.has(id) ? new Set([...old].filter((x) => x !== id)) : new Set([...old, id])))
  return (
    <div class="waterfall">
      <div class="waterfall-scale" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share}>{share === 0 ? '0' : duration(total * share)}</span>
        ))}
      </div>
      <ol onKeyDown={(event) => moveFocus(event, '.step')}>
        {steps.map(({ span, depth }) => (
          <li key={span.spanId}>
            <button
              type="button"
              class={span.error ? 'step failed' : 'step'}
              aria-expanded={open.has(span.spanId)}
              onClick={() => toggle(span.spanId)}
            >
              <span class="step-name" style={{ '--depth': depth }}>
                <i class="step-kind">{span.kind}</i> <code>{span.name}</code>
              </span>{' '}
              <span class="step-lane">
                <span
                  class={`step-bar kind-${span.kind}`}
                  style={{ '--from': span.offsetMs / total, '--length': span.durationMs / total }}
                />
                <span class="step-time" style={timePlace(span, total)}>
                  {duration(span.durationMs)}
                </span>
              </span>
              <span class="unseen">
                {`, from ${duration(span.offsetMs)}${span.error ? `, failed: ${span.error}` : ''}`}
              </span>
            </button>
            {open.has(span.spanId) && <Attributes span={span} />}
          </li>
        ))}
      </ol>
    </div>
  )
}

function Attributes({ span }: { span: TraceSpan }) {
  const facts = [
    ...(span.error ? [['error', span.error] as const] : []),
    ['name', span.name] as const,
    ['starts at', duration(span.offsetMs)] as const,
    ...(span.module ? [['module', span.module] as const] : []),
    ...Object.entries(span.attributes),
  ]
  return (
    <dl class="attributes">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={name === 'error' ? 'trouble' : ''}>{String(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

/** After the bar, or before it where the bar ends too far to the right. */
function timePlace(span: TraceSpan, total: number): Record<string, string> {
  const from = span.offsetMs / total
  const end = from + span.durationMs / total
  if (end < 0.85) return { left: `${end * 100}%` }
  return from > 0.15 ? { right: `${(1 - from) * 100}%` } : { right: '0', color: 'var(--on-bar)' }
}

/** Parents before their children, siblings by time. A step whose parent was not kept stands at the top. */
function inOrder(spans: TraceSpan[]): Step[] {
  const ids = new Set(spans.map((span) => span.spanId))
  const children = Map.groupBy(
    spans.toSorted((a, b) => a.offsetMs - b.offsetMs),
    (span) => (span.parentId !== undefined && ids.has(span.parentId) ? span.parentId : undefined),
  )
  const steps: Step[] = []
  const walk = (parent: string | undefined, depth: number): void => {
    for (const span of children.get(parent) ?? []) {
      steps.push({ span, depth })
      walk(span.spanId, depth + 1)
    }
  }
  walk(undefined, 0)
  return steps
}
