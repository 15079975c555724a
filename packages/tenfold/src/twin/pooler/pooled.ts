/** Everything through a pooler: PgBouncer in transaction mode gives an app a connection of the server for one transaction only.
 *  What a session keeps (settings, listeners, locks, prepared names, temporary tables) is then left with a connection that
 *  others get. As everywhere in this test an answer that differs is the fault; statements only explain it. */
import { InstanceEnded, InstanceNotReady, PoolerFailed } from '../errors.ts'
import { placeName, type Place } from '../evidence.ts'
import { finding, type Evidence, type Finding, type Note } from '../findings.ts'
import { type Difference } from '../compare.ts'
import type { Conditions, Run } from '../fleet.ts'
import { pgbouncerProgram, startPgBouncer } from './pgbouncer.ts'
import { openTap, type Tap } from './tap.ts'

export interface Pooled {
  finding?: Finding
  note?: Note
}

interface Asked {
  env: Record<string, string | undefined>
  runWith(conditions: Conditions, about: string): Promise<Run>
  compare(got: Run): Difference[]
}

/** Connections of the server that take turns. An app whose requests have just as many statements meets its own session again
 *  at each request: where statements of that kind are seen, another number is tried, too. */
const CONNECTIONS = [5, 3] as const

/** Nothing for an app without DATABASE_URL. */
export async function throughPooler(asked: Asked): Promise<Pooled> {
  const { env } = asked
  const url = env.DATABASE_URL
  if (url === undefined || !/^postgres(ql)?:/.test(url)) return {}
  const program = pgbouncerProgram(env.PATH)
  if (!program) return note('not tried behind PgBouncer: it is not installed')
  try {
    for (const connections of CONNECTIONS) {
      const { finding, wants } = await through(program, url, connections, asked)
      if (finding) return { finding }
      if (!wants) break
    }
    return {}
  } catch (error) {
    if (PoolerFailed.is(error)) return note(`not tried behind PgBouncer: ${error.details.reason}`)
    throw error
  }
}

async function through(
  program: string,
  url: string,
  connections: number,
  asked: Asked,
): Promise<{ finding?: Finding; wants: boolean }> {
  const pooler = await startPgBouncer(program, url, connections)
  const tap = await openTap(pooler.port)
  try {
    const address = new URL(pooler.urlOf(url))
    address.port = String(tap.port)
    const conditions: Conditions = {
      instances: 1,
      answersOnly: true,
      // Who has a direct address for what needs a session keeps it.
      envs: [{ DATABASE_URL: address.href, DATABASE_DIRECT_URL: asked.env.DATABASE_DIRECT_URL ?? url }],
    }
    const found = await judge(conditions, tap, asked)
    return { ...(found && { finding: found }), wants: tap.statements().some((what) => keptBy(what) !== undefined) }
  } finally {
    await tap.close()
    await pooler.close()
  }
}

async function judge(conditions: Conditions, tap: Tap, { runWith, compare }: Asked): Promise<Finding | undefined> {
  try {
    const first = await runWith(conditions, 'behind PgBouncer')
    const differing = compare(first)
    if (differing.length === 0) return undefined
    const again = compare(await runWith(conditions, 'behind PgBouncer, again'))
    // The same request, not the same answer: which connection a statement gets is another one each time.
    const both = differing.filter(({ step }) => again.some((one) => one.step === step))
    return both.length === 0 ? undefined : finding('pooled-session', both, [...wanting(tap, first), ...refusals(tap)])
  } catch (error) {
    if (!InstanceEnded.is(error) && !InstanceNotReady.is(error)) throw error
    // A role whose password PgBouncer may not look up: that is up to how it was started here, not to the app.
    const refused = tap.errors().find((text) => /authentication failed|no such user|SASL/i.test(text))
    if (refused) throw PoolerFailed({ reason: refused })
    const how: Evidence = { kind: 'how', text: `it does not start behind it. It said:\n${error.details.said}` }
    return finding('pooled-session', [], [how, ...refusals(tap)])
  }
}

function note(text: string): Pooled {
  return { note: { text, places: [] } }
}

/** Statements that leave something in the session, with the line where it is known. */
function wanting(tap: Tap, { seen }: Run): Evidence[] {
  const places = new Map<string, Place>()
  for (const one of seen.flatMap(({ said }) => said)) {
    if (one.kind === 'effect' && one.effect.at) places.set(one.effect.what, one.effect.at)
  }
  const found = new Map<string, Evidence>()
  for (const what of tap.statements()) {
    const keeps = keptBy(what)
    if (!keeps) continue
    const at = places.get(what)
    found.set(at ? placeName(at) : what, { kind: 'session', what: what.replace(/^sql /, ''), keeps, ...(at && { at }) })
  }
  return [...found.values()].slice(0, 10)
}

function refusals(tap: Tap): Evidence[] {
  return tap.errors().map((text): Evidence => ({ kind: 'how', text: `Postgres: ${text}` }))
}

const KEEPS: readonly [RegExp, string][] = [
  [/^sql set (?!local |transaction |constraints )/, 'a setting'],
  [/^sql select set_config\(.*, ?false\)/, 'a setting'],
  [/^sql listen /, 'a listener'],
  [/\bpg_(try_)?advisory_(un)?lock(_shared)?\(/, 'a lock'],
  [/^sql prepare /, 'a prepared statement'],
  [/^sql create (local |global )?temp(orary)? /, 'a temporary table'],
  [/^sql select .* into temp(orary)? /, 'a temporary table'],
  [/^sql declare .* with hold /, 'a cursor'],
]

/** What a statement leaves in the session that ran it; undefined for most. */
export function keptBy(what: string): string | undefined {
  return KEEPS.find(([pattern]) => pattern.test(what))?.[1]
}
