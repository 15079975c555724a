/** When a cron fires. The parsing and the calendar are croner's; what is refused is ours. */
import { Cron as Croner } from 'croner'
import { messageOf } from '../kernel/index.ts'
import { CronInvalid, CronNeverFires } from './errors.ts'
import type { CronDefinition } from './cron.ts'

export interface Timetable {
  /** The first time after `ms`; undefined if there is none. */
  after(ms: number): number | undefined
  /** The times in (`from`, `to`], oldest first, the last `most` of them. */
  between(from: number, to: number, most: number): number[]
}

/** Throws TF_CRON_INVALID or TF_CRON_NEVER_FIRES. */
export function timetableOf({
  name,
  schedule,
  timeZone = 'UTC',
}: Pick<CronDefinition, 'name' | 'schedule' | 'timeZone'>): Timetable {
  const croner = parse(name, schedule, timeZone)
  const after = (ms: number): number | undefined => croner.nextRun(new Date(ms))?.getTime()
  return {
    after,
    between(from, to, most) {
      // Whole seconds: the reference itself is left out, so the second after `to` asks for what is at or before it.
      const reference = new Date(Math.floor(to / 1000) * 1000 + 1000)
      const times = croner.previousRuns(most, reference).map((time) => time.getTime())
      return times.filter((time) => time > from && time <= to).sort((a, b) => a - b)
    },
  }
}

function parse(name: string, schedule: string, timeZone: string): Croner {
  // croner also reads dates, which would fire once and make the next start fail.
  const fields = schedule.trim().split(/\s+/).length
  const nickname = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/i.test(schedule)
  if (!nickname && fields !== 5 && fields !== 6)
    throw CronInvalid({ name, schedule, reason: `it has ${fields} field(s)` })
  let next: Date | null
  let croner: Croner
  try {
    croner = new Croner(schedule, { paused: true, timezone: timeZone })
    next = croner.nextRun()
  } catch (error) {
    throw CronInvalid({ name, schedule, reason: messageOf(error) }, { cause: error })
  }
  if (!next) throw CronNeverFires({ name, schedule })
  return croner
}
