/** How Postgres values become JavaScript values, everywhere in tenfold.
 *    int8     number (a bigint beyond 2^53: `string`, so that nothing is rounded)
 *    numeric  string (money is exact)         date     'YYYY-MM-DD' string (no time zone can move it)
 *    others   as the driver does: timestamptz Date, json parsed, bytea Buffer */
import pg from 'pg'

const INT8 = 20
const DATE = 1082
const INT8_ARRAY = 1016
const DATE_ARRAY = 1182

export function parseInt8(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}

const own = new Map<number, (text: string) => unknown>([
  [INT8, parseInt8],
  [DATE, (text) => text],
])

export const parsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    if (format === 'binary') return pg.types.getTypeParser(oid, 'binary') as (value: string) => unknown
    const parser = own.get(oid)
    if (parser) return parser
    if (oid === INT8_ARRAY || oid === DATE_ARRAY) {
      const texts = pg.types.getTypeParser(1009 as number, 'text') as (value: string) => (string | null)[]
      const one = own.get(oid === INT8_ARRAY ? INT8 : DATE)!
      return (value) => texts(value).map((text) => (text === null ? null : one(text)))
    }
    return pg.types.getTypeParser(oid, 'text') as (value: string) => unknown
  },
} as pg.CustomTypesConfig
