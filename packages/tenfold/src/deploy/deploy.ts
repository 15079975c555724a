/** What an app needs to run at a stage of the ladder, as plain files that a person can read, change and own.
 *
 *  D1  The same facts give the same files: nothing is read from this machine, and no clock.
 *  D2  No file holds a secret. Where one is needed, the file says where it is read from.
 *  D3  Each file says in its first lines what it is for. Files for machines lie where they belong: `machines/app/etc/…` goes
 *      to `/etc/…` of the machine `app`.
 *  D4  A stage has the files that it needs, and no others.
 *  D5  A file that was changed by hand is neither overwritten nor removed, unless that is asked for. */

import type { CheckedAlerts, KnownMetric } from '../alerts/index.ts'

export const STAGES = [1, 2, 3, 4, 5, 6] as const
export type Stage = (typeof STAGES)[number]

/** Where the app is to run: on machines with Debian, with Docker Compose on one machine, or on Kubernetes. */
export const TARGETS = ['machines', 'compose', 'kubernetes', 'helm'] as const
export type Target = (typeof TARGETS)[number]

export const BALANCERS = ['nginx', 'haproxy'] as const
export type Balancer = (typeof BALANCERS)[number]

export interface Facts {
  /** The app's name, as in `app({ name })`. */
  app: string
  modules: readonly string[]
  /** Variables that the settings of modules ask for and that have no default; they have to be given a value. */
  settings: readonly string[]
  /** The app's alert rules, and whom they tell. */
  alerts: CheckedAlerts
  /** Metrics of the app's own, by name. */
  metrics: Readonly<Record<string, KnownMetric>>
  /** The module that runs as a service of its own at stage 6. Defaults to the last one. */
  split?: string
  /** Under which users reach the app. */
  domain: string
  /** What stands in front of the instances. */
  balancer: Balancer
  /** Proxies in front of that (a CDN), as addresses or networks: they are believed what they say about the client. */
  proxies: readonly string[]
  /** Instances of the web part, from stage 3 on. */
  instances: number
  replicas: number
  /** Of a machine for the app and for the database; at stage 1 they share one. */
  machine: Size
  databaseMachine: Size
}

/** What a person decides; the rest of the facts comes from the app. */
export type Choices = Partial<Omit<Facts, 'app' | 'modules' | 'settings' | 'alerts' | 'metrics'>>

export const DEFAULTS: Required<Omit<Choices, 'split'>> = {
  domain: 'example.com',
  balancer: 'nginx',
  proxies: [],
  instances: 2,
  replicas: 1,
  machine: { memory: 4, cores: 2 },
  databaseMachine: { memory: 8, cores: 4 },
}

export interface Size {
  /** GiB of memory. */
  memory: number
  cores: number
}

export interface PlannedFile {
  /** Relative to the folder of the deployment. */
  path: string
  text: string
  /** What it is for, in a few words; for the list of files. */
  about: string
  /** Runs as a program. */
  executable?: boolean
}

export interface Plan {
  stage: Stage
  targets: readonly Target[]
  files: readonly PlannedFile[]
}
