/** Numbers and times as text. Units are spelled the same on every page. */

/** A duration in milliseconds, to about three digits: `0.42 ms`, `128 ms`, `1.24 s`, `3 min 5 s`, `2 h 10 min`, `4 d 2 h`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–'
  if (ms < 0.995) return `${trim(ms, 2)} ms`
  if (ms < 9.95) return `${trim(ms, 1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${trim(ms / 1000, ms < 9_995 ? 2 : 1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  if (seconds < 86_400) return two(Math.floor(seconds / 3600), 'h', Math.floor((seconds % 3600) / 60), 'min')
  return two(Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3600), 'h')
}

/** `1,234` up to 9,999, then `12.3 k`, `4.5 M`. */
export function count(n: number): string {
  if (!Number.isFinite(n)) return '–'
  if (Math.abs(n) < 10_000) return new Intl.NumberFormat('en').format(Math.round(n))
  if (Math.abs(n) < 1e6) return `${trim(n / 1e3, 1)} k`
  return `${trim(n / 1e6, 1)} M`
}

/** A rate or a mean: few digits, none of them noise. */
export function rate(n: number): string {
  if (!Number.isFinite(n)) return '–'
  return n < 10 ? trim(n, n < 1 ? 2 : 1) : count(n)
}

export function bytes(n: number): string {
  if (!Number.isFinite(n)) return '–'
  if (n < 1000) return `${Math.round(n)} B`
  if (n < 1e6) return `${trim(n / 1e3, 1)} kB`
  if (n < 1e9) return `${trim(n / 1e6, n < 1e8 ? 1 : 0)} MB`
  return `${trim(n / 1e9, 2)} GB`
}

/** A share from 0 to 1. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–'
  const value = share * 100
  if (value > 0 && value < 0.01) return '< 0.01 %'
  return `${value === 0 || value >= 10 ? Math.round(value) : trim(value, value < 1 ? 2 : 1)} %`
}

export function ago(time: number, now: number): string {
  const ms = now - time
  if (ms < 0) return `in ${coarse(-ms)}`
  return ms < 1500 ? 'just now' : `${coarse(ms)} ago`
}

/** `14:03:22` today, `Nov 21, 14:03` otherwise. */
export function clock(time: number, now: number): string {
  const date = new Date(time)
  const today = date.toDateString() === new Date(now).toDateString()
  return today
    ? date.toLocaleTimeString('en-GB')
    : date.toLocaleString('en', { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false })
}

/** In full, with its zone: for tooltips. */
export function exact(time: number): string {
  const date = new Date(time)
  const zone = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(date)
  const name = zone.find((part) => part.type === 'timeZoneName')?.value ?? ''
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join('-')
  return `${day} ${date.toLocaleTimeString('en-GB')}.${pad(date.getMilliseconds(), 3)} ${name}`
}

/** `Europe/Berlin (GMT+1)`: said once on every page. */
export function timeZone(): string {
  const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions()
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset' }).formatToParts(new Date())
  const offset = parts.find((part) => part.type === 'timeZoneName')?.value
  return offset && offset !== zone ? `${zone} (${offset})` : zone
}

function coarse(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

function two(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`
}

function trim(n: number, digits: number): string {
  return String(Number(n.toFixed(digits)))
}

function pad(n: number, length = 2): string {
  return String(n).padStart(length, '0')
}
