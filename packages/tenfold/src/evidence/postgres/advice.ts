import type { Sql } from '../../database/index.ts'

/** Advice as it is kept: what it says is the advisor's business. */
export interface KeptAdvice<Advice, Outcome> {
  id: string
  givenAt: number
  finding: string
  advice: Advice
  outcome?: Outcome
}

/** Keeps one, unless the same is open already. */
export async function keepAdvice(sql: Sql, finding: string, advice: unknown): Promise<void> {
  await sql.query(
    `insert into tenfold.advice (finding, advice) select $1, $2::jsonb
      where not exists (select from tenfold.advice where finding = $1 and state = 'open')`,
    [finding, JSON.stringify(advice)],
  )
}

/** What is still to be compared with what came of it; after 30 days nobody can tell any more. */
export async function openAdvice<Advice>(sql: Sql): Promise<KeptAdvice<Advice, never>[]> {
  await sql.query(
    `update tenfold.advice set state = 'expired', ended_at = now()
      where state = 'open' and given_at < now() - interval '30 days'`,
  )
  const { rows } = await sql.query<KeptAdvice<Advice, never>>(
    `select id::text, extract(epoch from given_at)::float8 * 1000 as "givenAt", finding, advice from tenfold.advice
      where state = 'open' order by given_at desc limit 20`,
  )
  return rows
}

export async function endAdvice(sql: Sql, id: string, cameTrue: boolean, outcome: unknown): Promise<void> {
  await sql.query(
    `update tenfold.advice set state = $2, outcome = $3::jsonb, ended_at = now() where id = $1::bigint and state = 'open'`,
    [id, cameTrue ? 'confirmed' : 'refuted', JSON.stringify(outcome)],
  )
}

/** What came of the advice of the last weeks, the newest first. */
export async function endedAdvice<Outcome>(sql: Sql): Promise<Outcome[]> {
  const { rows } = await sql.query<{ outcome: Outcome }>(
    `select outcome from tenfold.advice where state in ('confirmed', 'refuted') and ended_at > now() - interval '14 days'
      order by ended_at desc limit 10`,
  )
  return rows.map(({ outcome }) => outcome)
}
