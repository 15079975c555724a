/** Selections of events as SQL of an engine: every text a parameter. */
import type { Filter, Selection } from '../analytics.ts'
import type { Dialect, Question } from './columns.ts'

export const WHO = 'coalesce(m.into_id, e.person)'

/** Collects the parameters of one statement. */
export class Statement {
  readonly #values: string[] = []
  readonly #dialect: Dialect

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  /** A text. */
  add(value: string): string {
    this.#values.push(value)
    return this.#dialect.placeholder(this.#values.length)
  }

  property(key: string): string {
    return this.#dialect.text(this.add(key))
  }

  /** A condition on the event `e`. */
  matches({ event, where = [] }: Selection): string {
    return [`e.name = ${this.add(event)}`, ...where.map((filter) => this.#holds(filter))].join(' and ')
  }

  /** The place of a property's value: 0 for none, 1 for one that is not among `values`, then theirs. */
  placeOf(key: string, values: readonly string[]): string {
    const text = this.property(key)
    const cases = values.map((value, i) => `when ${text} = ${this.add(value)} then ${i + 2}`)
    return `(case when ${text} is null then 0 ${cases.join(' ')} else 1 end)`
  }

  ask(sql: string, columns: number): Question {
    return { sql, values: this.#values, columns }
  }

  #holds({ property, is, values = [] }: Filter): string {
    const text = (): string => this.property(property)
    const among = (): string => `${text()} in (${values.map((value) => this.add(String(value))).join(', ')})`
    const number = (): string => this.#dialect.number(this.add(property))
    switch (is) {
      case 'equal':
        return `coalesce(${among()}, false)`
      case 'not equal':
        return `not coalesce(${among()}, false)`
      case 'contains':
        return `coalesce(${this.#dialect.contains(text(), this.add(String(values[0])))}, false)`
      case 'greater':
        return `coalesce(${number()} > ${Number(values[0])}, false)`
      case 'less':
        return `coalesce(${number()} < ${Number(values[0])}, false)`
      case 'set':
        return `${text()} is not null`
      case 'not set':
        return `${text()} is null`
    }
  }
}
