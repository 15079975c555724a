/** Which backups to keep: `7d/4w/12m` is the newest of each of the last 7 days, 4 weeks and 12 months that have one. */
import { BadKeep } from './errors.ts'

interface Kept {
  count: number
  unit: 'd' | 'w' | 'm' | 'y'
}

/** Throws TF_BACKUP_KEEP. */
export function parseKeep(text: string): Kept[] {
  const parts = text.split('/').map((part) => /^([1-9]\d{0,3})([dwmy])$/.exec(part.trim()))
  if (parts.some((part) => part === null)) throw BadKeep({ given: text })
  return parts.map((part) => ({ count: Number(part![1]), unit: part![2] as Kept['unit'] }))
}

/** The ids to remove. The newest backup is always kept. */
export function toRemove(backups: readonly { id: string; finishedAt: string }[], keep: string): string[] {
  const newestFirst = backups.toSorted((a, b) => (a.finishedAt < b.finishedAt ? 1 : -1))
  const kept = new Set(newestFirst.slice(0, 1).map(({ id }) => id))
  for (const { count, unit } of parseKeep(keep)) {
    const periods = new Set<string>()
    for (const { id, finishedAt } of newestFirst) {
      const period = periodOf(new Date(finishedAt), unit)
      if (periods.has(period)) continue
      if (periods.size === count) break
      periods.add(period)
      kept.add(id)
    }
  }
  return newestFirst.map(({ id }) => id).filter((id) => !kept.has(id))
}

/** In UTC; weeks begin on Monday. */
function periodOf(date: Date, unit: Kept['unit']): string {
  if (unit === 'y') return date.toISOString().slice(0, 4)
  if (unit === 'm') return date.toISOString().slice(0, 7)
  if (unit === 'd') return date.toISOString().slice(0, 10)
  return String(Math.floor((date.getTime() / 86_400_000 + 3) / 7))
}
