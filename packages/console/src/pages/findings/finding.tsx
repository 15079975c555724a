import { Facts } from '../../parts/card.tsx'
import { count, duration, percent } from '../../parts/format.ts'
import type { TraceFinding } from './api.ts'

/** What is wrong, where, why, and the way out. */
export function Finding({ finding }: { finding: TraceFinding }) {
  const { says, fix, callSite, query, source, times, module } = finding
  return (
    <div class="finding">
      <p>{says}</p>
      <p>
        <strong>Fix</strong> <WithCode text={fix} />
      </p>
      <Facts
        facts={[
          ['In the code', callSite ? <code>{callSite}</code> : '–'],
          ['In', <code>{finding.function ?? '–'}</code>],
          ['Module', module],
          ['Times', count(times)],
          ...waitedFor(finding),
        ]}
      />
      <pre class="sql">{query}</pre>
      {source && source.kind !== 'input' && (
        <>
          <p class="note">Its keys are “{source.column}” in the result of</p>
          <pre class="sql">{source.query}</pre>
        </>
      )}
    </div>
  )
}

function waitedFor({ waited }: TraceFinding): [string, string][] {
  return waited ? [['Waited', `${duration(waited.ms)}, ${percent(waited.share)} of the request`]] : []
}

/** Text in which what stands between backticks is code. */
function WithCode({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 === 0 ? part : <code key={i}>{part}</code>))}</>
}
