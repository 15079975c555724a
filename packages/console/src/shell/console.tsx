import { LocationProvider, Route, Router } from 'preact-iso'
import { useCallback, useEffect, useState } from 'preact/hooks'
import { type ApiFailure, ask } from '../api/client.ts'
import { LiveProvider } from '../api/live.tsx'
import { type Session, SignedOutContext } from '../api/session.tsx'
import { Empty, Failed } from '../parts/states.tsx'
import { AlertsPage } from '../pages/alerts/page.tsx'
import { AdvicePage } from '../pages/advice/page.tsx'
import { AnalyticsPage } from '../pages/analytics/page.tsx'
import { BusinessPage } from '../pages/business/page.tsx'
import { CachesPage } from '../pages/caches/page.tsx'
import { CronsPage } from '../pages/crons/page.tsx'
import { FilesPage } from '../pages/files/page.tsx'
import { FindingsPage } from '../pages/findings/page.tsx'
import { IndexesPage } from '../pages/indexes/page.tsx'
import { JobDetailPage } from '../pages/jobs/detail.tsx'
import { JobsPage } from '../pages/jobs/page.tsx'
import { LimitsPage } from '../pages/limits/page.tsx'
import { LoadPage } from '../pages/load/page.tsx'
import { LogsPage } from '../pages/logs/page.tsx'
import { MailPage } from '../pages/mail/page.tsx'
import { ModulesPage } from '../pages/modules/page.tsx'
import { OverviewPage } from '../pages/overview/page.tsx'
import { QueriesPage } from '../pages/queries/page.tsx'
import { TracePage } from '../pages/requests/detail.tsx'
import { RequestsPage } from '../pages/requests/page.tsx'
import { SessionsPage } from '../pages/sessions/page.tsx'
import { TwinPage } from '../pages/twin/page.tsx'
import { WebhookEndpointPage } from '../pages/webhooks/detail.tsx'
import { WebhooksPage } from '../pages/webhooks/page.tsx'
import { Login } from './login.tsx'
import { Frame } from './frame.tsx'
import { ThemeContext, useThemeChoice } from './theme.ts'

/** The whole console: signed in, its pages; otherwise the way in. */
export function Console() {
  const [session, setSession] = useState<Session>()
  const [failure, setFailure] = useState<ApiFailure>()
  const theme = useThemeChoice()

  const look = useCallback(() => {
    ask<Session>('/session').then((found) => {
      setFailure(undefined)
      setSession(found)
    }, setFailure)
  }, [])
  useEffect(look, [])

  if (failure) return <Failed error={failure} retry={look} />
  if (!session) return null
  if (!session.signedIn) return <Login onSignedIn={look} />
  return (
    <ThemeContext.Provider value={theme.theme}>
      <SignedOutContext.Provider value={look}>
        <LocationProvider>
          <LiveProvider>
            <Frame session={session} theme={theme} onSignedOut={look}>
              <Router>
                <Route path="/" component={OverviewPage} />
                <Route path="/advice" component={AdvicePage} />
                <Route path="/alerts" component={AlertsPage} />
                <Route path="/business" component={BusinessPage} />
                <Route path="/requests" component={RequestsPage} />
                <Route path="/requests/:traceId" component={TracePage} />
                <Route path="/queries" component={QueriesPage} />
                <Route path="/indexes" component={IndexesPage} />
                <Route path="/findings" component={FindingsPage} />
                <Route path="/jobs" component={JobsPage} />
                <Route path="/jobs/:id" component={JobDetailPage} />
                <Route path="/crons" component={CronsPage} />
                <Route path="/webhooks" component={WebhooksPage} />
                <Route path="/webhooks/:module/:id" component={WebhookEndpointPage} />
                <Route path="/caches" component={CachesPage} />
                <Route path="/limits" component={LimitsPage} />
                <Route path="/sessions" component={SessionsPage} />
                <Route path="/files" component={FilesPage} />
                <Route path="/logs" component={LogsPage} />
                <Route path="/modules" component={ModulesPage} />
                <Route path="/load" component={LoadPage} />
                <Route path="/twin" component={TwinPage} />
                <Route path="/analytics" component={AnalyticsPage} />
                <Route path="/mail/:id?" component={MailPage} />
                <Route default component={NoSuchPage} />
              </Router>
            </Frame>
          </LiveProvider>
        </LocationProvider>
      </SignedOutContext.Provider>
    </ThemeContext.Provider>
  )
}

function NoSuchPage() {
  return (
    <Empty title="There is no such page.">
      <p>
        <a href="/">Go to the overview</a>
      </p>
    </Empty>
  )
}
