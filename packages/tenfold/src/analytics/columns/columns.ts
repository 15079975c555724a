/** A copy of the events by columns, for questions over more of them than Postgres reads in time. Postgres stays where events
 *  are stored, told apart and forgotten, and who is who; an engine gets what is new there before it is asked (`follow.ts`),
 *  and filters and sorts. What a report means is decided where it is decided for Postgres, too.
 *
 *  CO1  What `copy` was given is there when it resolves, once, however often it is given again.
 *  CO2  A copy that fails changes the position last: what it held is given again.
 *  CO3  Of who was forgotten, no question finds anything when `copy` resolves. Their bytes may stay on disk until the engine
 *       writes over them, or the copy is made anew. */
export interface Columns {
  readonly dialect: Dialect
  /** Up to which transaction of Postgres the copy is whole. `0`: there is none yet. */
  position(): Promise<string>
  copy(from: string, until: string, changes: Changes): Promise<void>
  /** Removes everything. */
  clear(): Promise<void>
  /** Removes what happened before that time, in microseconds since 1970. */
  dropBefore(us: number): Promise<void>
  /** Rows of numbers, one array for each column. */
  numbers(question: Question): Promise<Float64Array[]>
  /** The first column, as text. */
  texts(question: Question): Promise<string[]>
  close(): Promise<void>
}

export interface Question {
  sql: string
  /** Of placeholders, the first one is 1. */
  values: readonly string[]
  columns: number
}

/** What happened in Postgres since the position, each part as lines of JSON; the latest transactions come again. */
export interface Changes {
  /** `{ ts, person, name_id, name, seq, id, xact, texts, numbers }` */
  events: AsyncIterable<string>
  /** `{ person, into_id, xact }` */
  merged: AsyncIterable<string>
  /** Read after the others. */
  forgotten: AsyncIterable<number[]>
}

/** Where the SQL of engines differs. Tables are `event` and `merged`; both have all of their columns as in `Changes`. */
export interface Dialect {
  /** `event` as `e`, and `merged` as `m` with null for who was not merged. */
  readonly from: string
  placeholder(place: number): string
  /** The text of a property, null where there is none. */
  text(key: string): string
  /** The same of what is a number in JSON. */
  number(key: string): string
  /** A whole number for a text, below 2^53. */
  hash(text: string): string
  /** Whole numbers, rounded towards zero. */
  divide(a: string, b: number): string
  contains(text: string, part: string): string
  /** A number with one bit set. */
  bit(place: string): string
  bitOr(value: string): string
}
