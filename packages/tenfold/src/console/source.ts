import type { Analytics } from '../analytics/index.ts'
import type { AdviceView } from '../advisor/index.ts'
import type { Inspector } from '../inspect/index.ts'

/** What the console needs to know of a running app. The inspector of an app is one. */
export type ConsoleSource = Omit<Inspector, 'processes'> & {
  /** What people do in the product. */
  readonly analytics?: Analytics
  /** What limits the app, and the next step. */
  advice?(): Promise<AdviceView>
}
