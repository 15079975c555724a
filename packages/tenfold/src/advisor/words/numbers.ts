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

/** `9 months`, `5 weeks`, `3 days`. */
export function span(days: number): string {
  const [n, unit] = days >= 60 ? [days / 30.4, 'month'] : days >= 14 ? [days / 7, 'week'] : [days, 'day']
  const rounded = Math.max(1, Math.round(n))
  return `${rounded} ${unit}${rounded === 1 ? '' : 's'}`
}

/** On one line, and no longer than is read. */
export function short(text: string, length = 100): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}
