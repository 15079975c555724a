import type pg from 'pg'
import { messageOf } from '../../kernel/index.ts'
import { quoteName, quoteText } from '../roles.ts'
import type { Uses } from './predicates.ts'
import type { Trial } from './clone.ts'
import type { TableStatistics } from './statistics.ts'
import { valueFor } from './values.ts'
import type { WorkloadQuery } from './advice.ts'

export interface Priced {
  query: WorkloadQuery
  tables: ReadonlySet<string>
  /** One for each set of values. */
  calls: string[]
}

/** What queries cost on the clone, with some of the trial indexes visible and the others not. */
export class Prices {
  readonly unplanned: { text: string; reason: string }[] = []
  readonly queries: Priced[] = []
  /** Names of indexes that any plan has used. */
  readonly used = new Set<string>()
  private readonly client: pg.Client
  private readonly trials: readonly Trial[]
  private searched = ''
  private visible = new Set<number>()
  private readonly known = new Map<string, number>()

  constructor(client: pg.Client, trials: readonly Trial[]) {
    this.client = client
    this.trials = trials
  }

  async prepare(
    all: readonly { query: WorkloadQuery; uses: Uses }[],
    tables: readonly TableStatistics[],
  ): Promise<void> {
    await this.client.query('set plan_cache_mode = force_custom_plan; set jit = off')
    await this.client.query('update pg_index set indisvalid = false where indexrelid = any($1::oid[])', [
      this.trials.map(({ oid }) => oid),
    ])
    for (const [i, { query, uses }] of all.entries()) {
      try {
        this.searched = query.module
        await this.client.query(`set search_path = ${quoteName(query.module)}; prepare q${i} as ${query.text}`)
        const { rows } = await this.client.query<{ count: number }>(
          `select cardinality(parameter_types) as count from pg_prepared_statements where name = 'q${i}'`,
        )
        const made = Array.from({ length: rows[0]!.count }, (_, n) => valueFor(uses.parameters.get(n + 1), tables))
        const calls = callsOf(query, made, `q${i}`)
        const priced = { query, calls, tables: new Set(uses.tables.map(({ table }) => table)) }
        await this.explain(query.module, calls[0]!)
        this.queries.push(priced)
      } catch (error) {
        this.unplanned.push({ text: query.text, reason: messageOf(error) })
      }
    }
  }

  /** The mean cost of a query with these trials visible, over its values. */
  async of(query: Priced, trials: readonly Trial[]): Promise<number> {
    const mine = trials.filter(({ table, schema }) => query.tables.has(table) && schema === query.query.module)
    const key = `${query.calls[0]} ${mine
      .map(({ oid }) => oid)
      .sort((a, b) => a - b)
      .join(' ')}`
    const known = this.known.get(key)
    if (known !== undefined) return known
    await this.show(mine)
    let sum = 0
    for (const call of query.calls) sum += await this.explain(query.query.module, call)
    const cost = sum / query.calls.length
    this.known.set(key, cost)
    return cost
  }

  private async show(trials: readonly Trial[]): Promise<void> {
    const wanted = new Set(trials.map(({ oid }) => oid))
    const hide = [...this.visible].filter((oid) => !wanted.has(oid))
    const show = [...wanted].filter((oid) => !this.visible.has(oid))
    if (hide.length + show.length === 0) return
    await this.client.query(
      'update pg_index set indisvalid = (indexrelid = any($1::oid[])) where indexrelid = any($1::oid[] || $2::oid[])',
      [show, hide],
    )
    this.visible = wanted
  }

  private async explain(module: string, call: string): Promise<number> {
    if (module !== this.searched) await this.client.query(`set search_path = ${quoteName(module)}`)
    this.searched = module
    const { rows } = await this.client.query<{ 'QUERY PLAN': [{ Plan: Record<string, unknown> }] }>(call)
    const { Plan: plan } = rows[0]!['QUERY PLAN'][0]
    for (const [, name] of JSON.stringify(plan).matchAll(/"Index Name":"([^"]+)"/g)) this.used.add(name!)
    return Number(plan['Total Cost'])
  }
}

/** How to have it explained. Without parameters a plan would be kept, and not made anew when an index comes into sight; with
 *  one that nothing is known about, a plan for any value has to do. */
function callsOf({ text, samples }: WorkloadQuery, made: readonly (string | null)[], name: string): string[] {
  if (made.length === 0) return [`explain (format json) ${text}`]
  if (samples?.length) {
    return samples.map((values) => `explain (format json) execute ${name}(${values.map(literal).join(', ')})`)
  }
  if (made.includes(null)) return [`explain (format json, generic_plan) ${text}`]
  return [`explain (format json) execute ${name}(${made.map(literal).join(', ')})`]
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value))
    return quoteText(`{${value.map((one) => `"${String(one).replaceAll('"', '\\"')}"`).join(',')}}`)
  if (value instanceof Date) return quoteText(value.toISOString())
  return quoteText(typeof value === 'string' ? value : JSON.stringify(value))
}
