/** Product analytics: what people do in the product, kept in the app's own Postgres.
 *
 *  AN1  An event whose acknowledgement was awaited is stored; one that is sent again under its id is stored once.
 *  AN2  What is stored is seen by the next report.
 *  AN3  What a browser did before its owner signed in counts as the user's. Two users are never made one.
 *  AN4  A funnel, a retention, an activity means exactly what `docs/guide/analytics.md` says, at equal times and at the
 *       edges of windows, days and time zones too; every engine gives the same numbers.
 *  AN5  While the database is away nothing waits for it without bound, memory stays bounded, and what was lost is counted.
 *  AN6  A person's data can be deleted, whole. */
export interface Analytics {
  /** Keeps events; resolves when they are stored. */
  track(events: readonly TrackedEvent[]): Promise<Accepted>
  /** From now on, what the browser `anonymousId` did is what this user did. False when it already belongs to another. */
  identify(userId: string, anonymousId?: string, properties?: Properties): Promise<boolean>
  /** Removes all that is known of a user, or of a browser, and answers how many events that were. */
  forget(who: Who): Promise<number>
  funnel(query: FunnelQuery): Promise<FunnelReport>
  retention(query: RetentionQuery): Promise<RetentionReport>
  trend(query: TrendQuery): Promise<TrendReport>
  /** How many people are new, stay, come back after a pause, and stay away, in each period. */
  lifecycle(query: LifecycleQuery): Promise<LifecycleReport>
  /** Which events follow one another, from the first time that each person did something. */
  paths(query: PathsQuery): Promise<PathsReport>
  /** How many people were there: by day, in any 7 and in any 28 days that end there. */
  activity(query: ActivityQuery): Promise<ActivityReport>
  /** The names of events, the most frequent of the last 28 days first. */
  names(): Promise<EventName[]>
  /** The properties that a sample of the newest events of that name have, with some values. */
  properties(event: string): Promise<PropertyFacts[]>
  reports: SavedReports
  /** Drops what is older than is kept. */
  maintain(): Promise<{ dropped: string[] }>
  close(): Promise<void>
}

export type Properties = Readonly<Record<string, string | number | boolean | null>>

/** A user of the app, or a browser that nobody has signed in with. */
export type Who = { readonly user: string } | { readonly anonymous: string }

export interface TrackedEvent {
  /** A UUID, best of version 7; sending it again changes nothing. Defaults to a new one. */
  readonly id?: string
  readonly name: string
  readonly who: Who
  /** Defaults to now. */
  readonly at?: Date
  /** The order of events with equal times. Defaults to 0. */
  readonly seq?: number
  readonly properties?: Properties
  /** What the person acted for: `{ company: 'acme' }`. Funnels can count these instead of people. */
  readonly groups?: Readonly<Record<string, string>>
}

export interface Accepted {
  stored: number
  /** Known already. */
  repeated: number
}

/** Whole days, in the time zone of the project; both are included. */
export interface Range {
  /** `2026-11-01` */
  readonly from: string
  readonly to: string
}

export interface Filter {
  readonly property: string
  readonly is: 'equal' | 'not equal' | 'contains' | 'greater' | 'less' | 'set' | 'not set'
  /** One of these, for `equal` and `not equal`; the first for the others. */
  readonly values?: readonly (string | number | boolean)[]
}

export interface Selection {
  readonly event: string
  /** All have to hold. */
  readonly where?: readonly Filter[]
}

export interface FunnelQuery extends Range {
  /** 2 to 10. */
  readonly steps: readonly Selection[]
  /** From the first step to the last one: `30m`, `24h`, `14d`, or milliseconds. Defaults to `14d`. */
  readonly window?: string | number
  /** `ordered`: in this order, with anything between. `strict`: with no other event of that person between. `any`: in any
   *  order; step k is then "any k of them". Defaults to `ordered`. */
  readonly order?: 'ordered' | 'strict' | 'any'
  /** `any`: a person counts with the attempt that got furthest. `first`: only the first one in the range. Defaults to `any`. */
  readonly entry?: 'any' | 'first'
  /** Counts groups of this type instead of people. */
  readonly group?: string
  /** Splits by this property of the first step; whoever entered with two values counts in both. */
  readonly breakdown?: string
}

export interface FunnelStep {
  event: string
  /** People (or groups) that got here. */
  count: number
  /** Of those who entered, from 0 to 1. */
  ofFirst: number
  ofPrevious: number
  /** Of those who got here: from the first step to this one, in milliseconds. */
  medianMs: number | null
  p90Ms: number | null
}

export interface FunnelReport {
  steps: FunnelStep[]
  /** Entered less than a window ago and not yet through: the last numbers may still grow by them. */
  stillOpen: number
  breakdown?: { value: string | null; steps: FunnelStep[] }[]
  timeZone: string
  tookMs: number
}

export interface RetentionQuery extends Range {
  readonly by: 'day' | 'week' | 'month'
  /** What begins it. Defaults to any event. */
  readonly start?: Selection
  /** What counts as coming back. Defaults to any event. */
  readonly back?: Selection
  /** `first`: the very first time ever. `recurring`: each period in which it was done begins anew. Defaults to `first`. */
  readonly cohort?: 'first' | 'recurring'
  /** `on`: back in period n. `onOrAfter`: back in period n or later, up to the end of the range. Defaults to `on`. */
  readonly measure?: 'on' | 'onOrAfter'
  /** Instead of single periods, blocks of them: `[[1, 1], [2, 7], [8, 30]]`, back in any period of a block. */
  readonly brackets?: readonly (readonly [number, number])[]
}

export interface RetentionReport {
  cohorts: {
    /** First day of the period. */
    from: string
    size: number
    cells: {
      /** Periods after the first; of a bracket, the first one. */
      offset: number
      count: number
      share: number
      /** Whether the whole of it lies in the past. */
      complete: boolean
    }[]
  }[]
  timeZone: string
  tookMs: number
}

export interface TrendQuery extends Range {
  readonly events: readonly Selection[]
  readonly by: 'hour' | 'day' | 'week' | 'month'
  /** Events, or people who did it. Defaults to `events`. */
  readonly count?: 'events' | 'people'
  readonly breakdown?: string
}

export interface TrendReport {
  /** Starts of the periods, as in the project's time zone: `2026-11-01`, `2026-11-01T13:00`. */
  times: string[]
  series: { event: string; value?: string | null; counts: number[]; total: number }[]
  timeZone: string
  tookMs: number
}

export interface LifecycleQuery extends Range {
  readonly by: 'day' | 'week' | 'month'
  /** What counts as being there. Defaults to any event. */
  readonly event?: Selection
}

export interface LifecyclePeriod {
  /** First day of the period. */
  from: string
  /** There for the first time ever. */
  new: number
  /** There, and in the period before, too. */
  returning: number
  /** There, not in the period before, but earlier. */
  resurrecting: number
  /** Not there, but in the period before. */
  dormant: number
  /** Whether the whole of it lies in the past: of others, the dormant ones are too many. */
  complete: boolean
}

export interface LifecycleReport {
  periods: LifecyclePeriod[]
  timeZone: string
  tookMs: number
}

export interface PathsQuery extends Range {
  /** Where paths begin: the first such event of each person in the range. */
  readonly start: Selection
  /** What came after it, or what led there. Defaults to `after`. */
  readonly direction?: 'after' | 'before'
  /** How many events further: 1 to 6. Defaults to 4. */
  readonly depth?: number
  /** A longer pause ends a path, and so does a time of `depth` such pauses: `30m`, `24h`, or milliseconds. Defaults to `30m`. */
  readonly gap?: string | number
}

export interface PathsReport {
  /** People whose path it is. */
  people: number
  /** From the place `step` of paths to the next one; the most frequent first within a step. The ten most frequent names of a
   *  place stand for themselves, the others are `(other)`; null: the path ended there. */
  links: { step: number; from: string; to: string | null; people: number }[]
  timeZone: string
  tookMs: number
}

export interface ActivityQuery extends Range {
  /** What is wanted; the others stay empty. Defaults to all. */
  readonly of?: readonly ('daily' | 'weekly' | 'monthly' | 'stickiness')[]
}

export interface ActivityReport {
  days: string[]
  daily: number[]
  /** In the 7 days that end there. */
  weekly: number[]
  /** In the 28 days that end there: four whole weeks, so that weekends weigh the same every day. */
  monthly: number[]
  /** On how many days of the range people were there: index 0 is one day. */
  stickiness: number[]
  timeZone: string
  tookMs: number
}

export interface EventName {
  name: string
  last28Days: number
  firstSeen: string
}

export interface PropertyFacts {
  name: string
  values: string[]
}

export interface SavedReport {
  id: string
  title: string
  kind: 'funnel' | 'retention' | 'trend' | 'lifecycle' | 'activity' | 'paths'
  query: unknown
  createdAt: string
}

export interface SavedReports {
  list(): Promise<SavedReport[]>
  save(report: Pick<SavedReport, 'title' | 'kind' | 'query'>): Promise<SavedReport>
  remove(id: string): Promise<boolean>
}
