import type { Analytics } from '../analytics/index.ts'
import type { Alerts } from '../alerts/index.ts'
import type { AdviceView } from '../advisor/index.ts'
import type { BusinessMetric, Inspector, Window } from '../inspect/index.ts'

/** What the console needs to know of a running app. The inspector of an app is one. */
export type ConsoleSource = Omit<Inspector, 'processes'> & {
  /** What the app is made of, and how it is set; without secrets. */
  modules?(): ModulesView
  /** What people do in the product. */
  readonly analytics?: Analytics
  /** The rules, what fires, and who is told. */
  readonly alerts?: Pick<Alerts, 'overview' | 'silence' | 'endSilence' | 'acknowledge' | 'test'>
  /** What modules measure by `m.metric`. */
  business?(window: Window): Promise<BusinessMetric[]>
  /** What limits the app, and the next step. */
  advice?(): Promise<AdviceView>
}

export interface ModulesView {
  modules: {
    name: string
    /** Whether this process answers its routes and does its jobs. */
    served: boolean
    /** Modules whose contracts it calls. */
    uses: string[]
    /** Modules to whose events it subscribes. */
    listensTo: string[]
    routes: string[]
    jobs: string[]
    crons: string[]
    events: string[]
    caches: string[]
    metrics: string[]
  }[]
  roles: string[]
  /** Of the platform; without a value when not set. */
  variables: { name: string; value: string | undefined }[]
  /** tenfold.config.ts */
  config: Record<string, unknown>
}
