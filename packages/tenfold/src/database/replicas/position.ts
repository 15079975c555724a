/** A place in the history of a database: what had been committed up to there. */
export interface Position {
  /** Which history: the cluster and its timeline. Places of two histories cannot be compared. */
  history: string
  lsn: bigint
  /** When it was read, in ms since 1970 by the clock of the primary. */
  at: number
}

/** After this long a position has nothing more to say: a replica that lags by as much is not used anyway. */
export const POSITION_AGE_MS = 60_000

/** `0/16B3748` as a number. */
export function lsnOf(text: string): bigint {
  const [high, low] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

/** The cluster's identifier has 64 bits, the timeline is the first eight digits of a WAL file's name. */
export function historyOf(cluster: string, timeline: string): string {
  return `${BigInt(cluster).toString(36)}.${parseInt(timeline, 16).toString(36)}`
}

/** The text that travels: `1z141z4.1.16b3748.lq3f9c`. Not a secret and nothing to gain from forging it: a higher place
 *  sends the reads of that client to the primary, a lower one lets it miss its own writes. */
export function formatPosition({ history, lsn, at }: Position): string {
  return `${history}.${lsn.toString(16)}.${Math.floor(at / 1000).toString(36)}`
}

const FORM = /^([0-9a-z]{1,13}\.[0-9a-z]{1,7})\.([0-9a-f]{1,16})\.([0-9a-z]{1,8})$/

/** Undefined for anything that is not a position. */
export function parsePosition(text: string | undefined): Position | undefined {
  const [, history, lsn, at] = (text && FORM.exec(text)) || []
  if (!history || !lsn || !at) return undefined
  return { history, lsn: BigInt(`0x${lsn}`), at: parseInt(at, 36) * 1000 }
}

/** The later of two. Of two histories the one that was read later counts: after a failover nothing compares with the old one. */
export function laterOf(one: Position | undefined, other: Position | undefined): Position | undefined {
  if (!one || !other) return one ?? other
  if (one.history !== other.history) return one.at > other.at ? one : other
  return one.lsn > other.lsn ? one : other
}
