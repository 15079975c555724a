/** How Postgres values become JavaScript values, everywhere in tenfold.
 *    int8     number (a bigint beyond 2^53: `string`, so that nothing is rounded)
 *    numeric  string (money is exact)         date     'YYYY-MM-DD' string (no time zone can move it)
 *    others   as the driver does: timestamptz Date, json parsed, bytea Buffer */
import pg from 'pg'

const INT2 = 21
const INT4 = 23
const INT8 = 20
const DATE = 1082
const TIMESTAMPTZ = 1184
const INT8_ARRAY = 1016
const DATE_ARRAY = 1182

export function parseInt8(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}

/** Whether that parser makes numbers of the digits of whole ones, and of nothing else. */
export function readsDigits(parser: (text: string) => unknown): boolean {
  return parser === parseInt8
}

/** `2026-01-02 03:04:05.678901+00`, which is what a server in UTC says of today, without the regular expression of the driver; all
 *  else (other zones, infinity, years of other lengths) is read by that. */
function parseTimestamptz(text: string): unknown {
  const { length } = text
  const inUtc = text.charCodeAt(length - 3) === PLUS && text.charCodeAt(length - 2) === ZERO && text.endsWith('0')
  if (!inUtc || length < 22 || length > 29 || text.charCodeAt(4) !== MINUS || text.charCodeAt(10) !== BLANK)
    return driver(text)
  const year = digits(text, 0, 4)
  // Years below 100 would mean those of the last century.
  if (!(year >= 100)) return driver(text)
  let ms = 0
  if (length > 22) {
    const places = Math.min(3, length - 23)
    ms = digits(text, 20, 20 + places) * 10 ** (3 - places)
  }
  const hour = digits(text, 11, 13)
  return new Date(
    Date.UTC(year, digits(text, 5, 7) - 1, digits(text, 8, 10), hour, digits(text, 14, 16), digits(text, 17, 19), ms),
  )
}

function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) value = value * 10 + (text.charCodeAt(i) - ZERO)
  return value
}

const [PLUS, MINUS, BLANK, ZERO] = [0x2b, 0x2d, 0x20, 0x30]
const driver = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => unknown

const own = new Map<number, (text: string) => unknown>([
  [INT2, parseInt8],
  [INT4, parseInt8],
  [INT8, parseInt8],
  [DATE, (text) => text],
  [TIMESTAMPTZ, parseTimestamptz],
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
