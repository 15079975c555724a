import { Choice } from '../../parts/filters.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { useQuery } from '../../parts/use-query.ts'
import { Activity } from './activity.tsx'
import { type Range, useNames } from './api.ts'
import { Funnel } from './funnel.tsx'
import { Lifecycle } from './lifecycle.tsx'
import { Paths } from './paths.tsx'
import { Retention } from './retention.tsx'
import { SavedReports } from './saved.tsx'
import { Trend } from './trend.tsx'

const VIEWS = {
  funnel: Funnel,
  retention: Retention,
  lifecycle: Lifecycle,
  trend: Trend,
  paths: Paths,
  activity: Activity,
}

const RANGES: [string, string][] = [
  ['30', 'last 30 days'],
  ['7', 'last 7 days'],
  ['90', 'last 90 days'],
  ['365', 'last 365 days'],
]

export function AnalyticsPage() {
  const [query] = useQuery()
  const names = useNames()
  const view = query['view'] && query['view'] in VIEWS ? (query['view'] as keyof typeof VIEWS) : 'funnel'
  const View = VIEWS[view]
  return (
    <>
      <PageHead title="Analytics">
        <Choice
          label="Show"
          parameter="view"
          options={[
            ['funnel', 'Funnel'],
            ['retention', 'Retention'],
            ['lifecycle', 'Lifecycle'],
            ['trend', 'Trend'],
            ['paths', 'Paths'],
            ['activity', 'Activity'],
          ]}
        />
        <Choice label="of the" parameter="days" options={RANGES} />
      </PageHead>
      <Loaded
        asked={names}
        empty={(found) =>
          found.length === 0 && (
            <Empty title="Nothing tracked yet.">
              <p>
                Track what people do from a handler:{' '}
                <code>
                  void ordered.track({'{ value }'}, {'{ user: user.id }'})
                </code>
                , with <code>const ordered = m.track('ordered')</code>. For pages, set{' '}
                <code>analytics: {'{ browser: true }'}</code> in tenfold.config.ts and add{' '}
                <code>{'<script defer src="/_e.js"></script>'}</code>.
              </p>
            </Empty>
          )
        }
      >
        {(found) => (
          <>
            <View names={found.map(({ name }) => name)} range={rangeOf(query['days'])} />
            <SavedReports view={view} />
          </>
        )}
      </Loaded>
    </>
  )
}

/** Up to today; yesterday is the last day that is whole. */
function rangeOf(days = '30'): Range {
  const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)
  return { from: day(Number(days) - 1), to: day(0) }
}
