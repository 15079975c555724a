/** Crons that tick every second; each run leaves a row when it begins and when it ends. */
import { app, defineModule, tables } from 'tenfold'

/** Faults to plant, to see that the proof finds them:
 *    timer   instances tick by timers of their own, besides
 *    forget  one cron forgets a tick now and then */
export const PLANTS = ['timer', 'forget'] as const

export const CRONS = 20

interface Tables {
  run: { cron: string; fire_at: Date; pid: number; line: number; what: 'begin' | 'end' }
}

const m = defineModule('clockwork', { tables: tables<Tables>() })

const crons = Array.from({ length: CRONS }, (_, n) =>
  m.cron(nameOf(n), '* * * * * *', {
    // Every tick counts here, also one that nobody could run in time.
    catchUp: 'all',
    attempts: 20,
    async run({ db, fireAt }) {
      if (n === 0 && planted('forget') && fireAt.getUTCSeconds() % 5 === 0) return
      const row = { cron: nameOf(n), fire_at: fireAt, pid: process.pid, line: Number(process.env.LINE) }
      await db
        .insertInto('run')
        .values({ ...row, what: 'begin' })
        .execute()
      await new Promise((resolve) => setTimeout(resolve, 5 + (n % 5) * 10))
      await db
        .insertInto('run')
        .values({ ...row, what: 'end' })
        .execute()
    },
  }),
)

function nameOf(n: number): string {
  return `tick-${n}`
}

export function planted(plant: (typeof PLANTS)[number]): boolean {
  return (process.env.PLANT ?? '').split(',').includes(plant)
}

export default app({
  name: 'proof',
  modules: [m.build({ parts: crons, migrations: new URL('./migrations/', import.meta.url) })],
})
