import type { Inspector } from '../inspect/index.ts'

/** What the console needs to know of a running app. The inspector of an app is one. */
export type ConsoleSource = Omit<Inspector, 'processes'>
