import type { Analytics } from '../analytics/index.ts'
import type { Alerts } from '../alerts/index.ts'
import type { AdviceView } from '../advisor/index.ts'
import type { IndexAdvisor } from './indexes.ts'
import type { HeldFiles, HeldSessions } from './held.ts'
import type { SentWebhooks } from './webhooks.ts'
import type {
  BusinessMetric,
  FleetLevel,
  Inspector,
  LoadRuns,
  ModulesView,
  TwinRunView,
  Window,
} from '../inspect/index.ts'

/** What the console needs to know of a running app. The inspector of an app is one. */
export type ConsoleSource = Omit<Inspector, 'processes'> & {
  /** What the app is made of, and how it is set; without secrets. */
  modules?(): ModulesView
  /** What people do in the product. */
  readonly analytics?: Analytics
  /** The rules, what fires, and who is told. */
  readonly alerts?: Pick<Alerts, 'overview' | 'silence' | 'endSilence' | 'acknowledge' | 'test'>
  /** Of the log of all processes. */
  readonly level?: Pick<FleetLevel, 'now' | 'set'>
  readonly indexes?: IndexAdvisor
  readonly sessions?: HeldSessions
  readonly files?: HeldFiles
  readonly webhooks?: SentWebhooks
  /** What modules measure by `m.metric`. */
  business?(window: Window): Promise<BusinessMetric[]>
  /** The last runs of the twin test in this project, the newest first. */
  twinRuns?(): Promise<TwinRunView[]>
  /** The last runs of `tenfold load` in this project. */
  readonly load?: LoadRuns
  /** What limits the app, and the next step. */
  advice?(): Promise<AdviceView>
}
