/** What the provider has done, in one SQLite file: charges, and the answer that belongs to each idempotency key. Both are
 *  written in one transaction, so a key either has its charge or has none. */
import { DatabaseSync } from 'node:sqlite'

export interface Charge {
  id: string
  state: 'succeeded' | 'declined' | 'refunded'
  amount: number
  reference: string
}

interface Answer {
  status: number
  body: object
}

export interface Ledger {
  answered(key: string): (Answer & { asked: string }) | undefined
  charge(key: string, asked: string, charge: Charge): Answer
  refund(key: string, asked: string, id: string): Answer
  byReference(reference: string): Charge[]
  totals(): { charges: number; declined: number; refunded: number; amount: number; chargedTwice: number }
  close(): void
}

export function openLedger(file: string): Ledger {
  const db = new DatabaseSync(file)
  db.exec(`
    pragma journal_mode = wal;
    pragma busy_timeout = 5000;
    create table if not exists charge (id text primary key, state text, amount integer, reference text) strict;
    create index if not exists charge_reference on charge (reference);
    create table if not exists answer (key text primary key, asked text, status integer, body text) strict;`)
  const remember = db.prepare('insert into answer values (?, ?, ?, ?)')

  const atomically = (key: string, asked: string, work: () => Answer): Answer => {
    db.exec('begin immediate')
    try {
      const answer = work()
      remember.run(key, asked, answer.status, JSON.stringify(answer.body))
      db.exec('commit')
      return answer
    } catch (error) {
      db.exec('rollback')
      throw error
    }
  }

  return {
    answered(key) {
      const row = db.prepare('select asked, status, body from answer where key = ?').get(key)
      if (!row) return undefined
      return { asked: String(row.asked), status: Number(row.status), body: JSON.parse(String(row.body)) as object }
    },
    charge: (key, asked, charge) =>
      atomically(key, asked, () => {
        db.prepare('insert into charge values (?, ?, ?, ?)').run(
          charge.id,
          charge.state,
          charge.amount,
          charge.reference,
        )
        return { status: 201, body: charge }
      }),
    refund: (key, asked, id) =>
      atomically(key, asked, () => {
        const charge = db.prepare('select * from charge where id = ?').get(id) as Charge | undefined
        if (!charge) return { status: 404, body: { error: 'There is no such charge.' } }
        if (charge.state !== 'succeeded') return { status: 400, body: { error: `It is ${charge.state}.` } }
        db.prepare(`update charge set state = 'refunded' where id = ?`).run(id)
        return { status: 200, body: { ...charge, state: 'refunded' } }
      }),
    byReference: (reference) =>
      db.prepare('select * from charge where reference = ? order by id').all(reference) as unknown as Charge[],
    totals: () =>
      db
        .prepare(`
          select count(*) filter (where state <> 'declined') as charges,
                 count(*) filter (where state = 'declined') as declined,
                 count(*) filter (where state = 'refunded') as refunded,
                 coalesce(sum(amount) filter (where state = 'succeeded'), 0) as amount,
                 (select count(*) from (select 1 from charge group by reference having count(*) > 1)) as "chargedTwice"
          from charge`)
        .get() as ReturnType<Ledger['totals']>,
    close: () => db.close(),
  }
}
