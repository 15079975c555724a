/** What has become out of date: one key of a cache, all its entries with a tag, or (neither given) all of it.
 *  `cache: '*'` with a tag means that tag in every cache. */
export interface Change {
  cache: string
  key?: string
  tag?: string
  /** How far a replica has to be to know of it. */
  at?: string
  /** The shared tier could not be told: it may still hold the old values. */
  kept?: true
}

/** The line to the other instances. */
export interface ChangeLine {
  /** Whether changes made elsewhere are sure to arrive here. */
  readonly linked: boolean
  tell(change: Change): Promise<void>
  close(): Promise<void>
}

export interface ChangeListener {
  onChange(change: Change): void
  /** Messages may have been missed. */
  onGap(): void
}
