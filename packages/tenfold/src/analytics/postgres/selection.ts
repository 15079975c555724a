/** Selections of events as SQL: every value a parameter. */
import type { Sql } from '../../database/index.ts'
import type { Filter, Selection } from '../analytics.ts'

/** Collects the parameters of one statement: `add(value)` answers its place, `$3`. */
export class Parameters {
  readonly values: unknown[] = []

  add(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/** The numbers of event names; 0, which no event has, for a name that nothing has yet. */
export async function nameIds(sql: Sql, names: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql.query<{ id: number; name: string }>(
    'select id, name from tenfold.analytics_name where name = any($1)',
    [[...new Set(names)]],
  )
  const known = new Map(rows.map(({ id, name }) => [name, id]))
  return new Map(names.map((name) => [name, known.get(name) ?? 0]))
}

/** A condition on the event `e`. */
export function matches(selection: Selection, ids: Map<string, number>, parameters: Parameters): string {
  const name = `e.name_id = ${ids.get(selection.event)}`
  return [name, ...(selection.where ?? []).map((filter) => holds(filter, parameters))].join(' and ')
}

function holds({ property, is, values = [] }: Filter, parameters: Parameters): string {
  const value = `(e.props ->> ${parameters.add(property)}::text)`
  const texts = (): string => `${parameters.add(values.map(String))}::text[]`
  // Only what is a number compares as one; the rest does not match instead of failing.
  const number = (): string =>
    `case when jsonb_typeof(e.props -> ${parameters.add(property)}::text) = 'number' then ${value}::float8 end`
  switch (is) {
    case 'equal':
      return `${value} = any(${texts()})`
    case 'not equal':
      return `coalesce(${value} <> all(${texts()}), true)`
    case 'contains':
      return `strpos(lower(${value}), lower(${parameters.add(String(values[0]))}::text)) > 0`
    case 'greater':
      return `${number()} > ${parameters.add(values[0])}::float8`
    case 'less':
      return `${number()} < ${parameters.add(values[0])}::float8`
    case 'set':
      return `${value} is not null`
    case 'not set':
      return `${value} is null`
  }
}

/** Whose event it is, now that we know: a person's number. */
export const PERSON = 'coalesce(m.into_id, e.person_id)'
export const EVENTS = 'tenfold.analytics_event e left join tenfold.analytics_merged m on m.person_id = e.person_id'

/** The midnights between which a range of days lies. */
export function bounds(from: string, to: string): string {
  return `e.ts >= ${from} and e.ts < ${to}`
}

export function midnight(day: string, zone: string, plusDays = 0): string {
  return `((${day}::date + ${plusDays})::timestamp at time zone ${zone})`
}
