/** Values as keys: what can identify a row, and how much it says that two of them are equal. */

/** Undefined for what is no key: null, true and false, bytes, arrays, objects. */
export function keyOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.length <= 200 ? value : undefined
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  return undefined
}

/** `5` and `paid` are equal to each other all over a database by chance; a uuid is not. */
export function saysLittle(key: string): boolean {
  if (/^-?\d+(?:\.\d+)?$/.test(key)) return key.length <= 4
  if (/^\d{4}-\d\d-\d\d(?:T00:00:00\.000Z)?$/.test(key)) return true
  return /\d/.test(key) ? key.length < 6 : key.length < 16
}

/** `author_id`, `authorId`, `id`, `uuid`: a column that identifies something. */
export function identifies(column: string): boolean {
  return /(?:^|_)(?:id|ids|uuid|key)$/i.test(column) || /[a-z](?:Ids?|Uuid|Key)$/.test(column)
}

/** `slug` and `category_slug`; `customerId` and `customer_id`. */
export function alike(a: string, b: string): boolean {
  const [x, y] = [plain(a), plain(b)]
  return x === y || x.endsWith(`_${y}`) || y.endsWith(`_${x}`)
}

function plain(column: string): string {
  const last = column.split('.').at(-1)!
  return last
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/s$/, '')
}
