/** JSON that Postgres takes as jsonb: it has no NUL and no half of a surrogate pair, in values and in keys. */
export function toJson(rows: readonly object[]): string {
  const json = JSON.stringify(rows)
  if (!/\\u(?:0000|d[89ab])/i.test(json)) return json
  return JSON.stringify(rows, (_key, value: unknown) => {
    if (typeof value === 'string') return clean(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [clean(name), item]))
  })
}

function clean(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed()
}
