/** Numbers as people say them. */
export function ms(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(0)} s`
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`
  return value >= 10 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function count(value: number): string {
  return value >= 10 || Number.isInteger(value) ? Math.round(value).toLocaleString('en-US') : value.toFixed(1)
}

export function bytes(value: number): string {
  return value >= 1e9
    ? `${(value / 1e9).toFixed(1)} GB`
    : value >= 1e6
      ? `${(value / 1e6).toFixed(1)} MB`
      : `${Math.round(value / 1000)} kB`
}

/** `7 to 11 months`, `5 to 6 weeks`, `3 days`: in the unit that suits the nearer end. */
export function spanBetween(low: number, high: number): string {
  const [length, unit] = low >= 60 ? [30.4, 'month'] : low >= 14 ? [7, 'week'] : [1, 'day']
  const [from, to] = [low, high].map((days) => Math.max(1, Math.round(days / length))) as [number, number]
  return `${from === to ? '' : `${from} to `}${to} ${unit}${to === 1 ? '' : 's'}`
}

/** `2026-03-01 12:00 UTC`. */
export function minute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** On one line, and no longer than is read. */
export function short(text: string, length = 100): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}
