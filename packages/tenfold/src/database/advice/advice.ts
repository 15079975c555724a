/** Which indexes would pay, judged by the planner itself on a copy of the statistics.
 *
 *    workload ──> predicates ──> candidates ─┐
 *    target's statistics ──> empty tables ───┴──> EXPLAIN with and without each ──> those that pay
 *
 *  The copy is a scratch server with the same tables, without a row: statistics are restored into them, and their files are
 *  stretched to the size that the real ones have, sparsely. The planner then plans as it would on the real data.
 *
 *  I1  The target is read only: its catalogue and its statistics, in a read-only transaction.
 *  I2  An index is proposed only if the planner uses it and the queries it helps become at least twice as cheap. A BRIN index
 *      takes the place of a B-tree of which that is true, where all that it helps reads many rows that lie together.
 *  I3  An index that others make superfluous is left out. */

/** A statement of the workload. */
export interface WorkloadQuery {
  module: string
  text: string
  /** How often it ran in the time that is looked at. */
  calls: number
  /** Values that it was run with; without them, values are made up from the statistics of the columns. */
  samples?: readonly (readonly unknown[])[]
}

export interface Advice {
  create: ProposedIndex[]
  drop: SuperfluousIndex[]
  /** Queries that could not be planned, with the reason. */
  unplanned: { text: string; reason: string }[]
  /** How many queries and candidates were looked at. */
  queries: number
  candidates: number
}

export interface ProposedIndex {
  table: string
  /** `create index concurrently …`: a migration of its own. */
  sql: string
  helps: { text: string; calls: number; costBefore: number; costAfter: number }[]
  /** About, in bytes. */
  size: number
  /** Rows written to the table since its statistics were reset, each of which writes the index too; updates that touched
   *  no indexed column so far may have been cheaper. */
  writes: number
}

/** To be dropped, and where it is bloated to be built anew. */
export interface SuperfluousIndex {
  index: string
  table: string
  why: 'unused' | 'duplicate' | 'invalid' | 'bloated'
  /** The index that does the same. */
  of?: string
  size: number
  /** Of a bloated one: about how large it would be. */
  needs?: number
  sql: string
}
