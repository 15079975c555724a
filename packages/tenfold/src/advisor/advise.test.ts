/** The rules on evidence that was recorded: each file is a run of `npm run prove -- advisor` with the fault of its name. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import type { Evidence } from '../evidence/index.ts'
import { advise, adviceOf, alertsOf, describeFinding, outcomeOf, viewOf, type FindingCode } from './index.ts'

const FOLDER = join(import.meta.dirname, 'fixtures')
const recorded = (name: string): Evidence => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Evidence
const names = globSync('*.json', { cwd: FOLDER }).map((file) => basename(file, '.json'))
/** Ten seconds of a test are enough here; of an app they would not be. */
const SHORT = { leastSeconds: 4, leastRequests: 60 }

const TRUTH: Record<string, FindingCode | undefined> = {
  'missing-index': 'missing-index',
  'N-1': 'n-plus-one',
  'a-route-that-computes': 'cpu-bound-route',
  'a-stall-of-the-event-loop': 'event-loop-stalls',
  'a-pool-too-small': 'pool-too-small',
  'a-slow-partner': 'slow-call',
  'a-slow-partner-asked-inside-a-transaction': 'slow-call',
  'a-hot-row': 'lock-contention',
  'a-transaction-that-stays-open': 'long-transaction',
  'a-database-without-processor': 'database-cpu',
  'too-many-rows': 'over-fetch',
  'a-connection-for-each-request': 'connect-per-request',
  'too-many-connections': 'too-many-connections',
  'a-queue-that-grows': 'too-few-workers',
  'a-poisoned-job': 'poison-job',
  'a-cron-among-the-traffic': 'cron-interferes',
  'memory-that-grows': 'memory-grows',
  'a-table-of-dead-rows': 'dead-rows',
  'a-database-far-away': 'database-far',
  'a-cache-that-misses': 'low-hit-ratio',
  'a-machine-taken-by-others': 'host-is-busy',
  'a-storm-of-connections': 'connect-per-request',
  'a-pool-too-large': 'too-many-connections',
  'a-cache-that-all-load-at-once': 'cache-stampede',
  'what-everybody-looks-at': 'hot-key',
  'reads-that-could-be-kept': 'repeated-reads',
  'one-noisy-client': 'noisy-client',
  'changes-that-wait-for-the-disk': 'disk-bound',
  'a-replica-that-cannot-follow': 'replica-lags',
  'without-a-cache-that-all-load-at-once': undefined,
  // As many reads of as many different things: there is nothing to keep.
  'without-what-everybody-looks-at': 'database-cpu',
  healthy: undefined,
  'healthy-growing-by-3-a-week': undefined,
  'an-event-loop-that-is-full': 'event-loop-full',
  'a-statement-that-costs-much': 'costly-query',
  'a-wait-that-nobody-records': 'unseen-wait',
  'rows-taken-in-another-order': 'lock-contention',
  'jobs-that-nobody-takes': 'jobs-stand-still',
  'a-short-spike': undefined,
  'quiet-hours-and-busy-hours': undefined,
}

test('there is a recording of a healthy app, and of faults', () => {
  assert.ok(names.includes('healthy'))
  assert.ok(names.length >= 10, String(names.length))
  assert.deepEqual(
    names.filter((name) => !(name in TRUTH)),
    [],
  )
})

for (const name of names) {
  const truth = TRUTH[name]
  test(`${name.replaceAll('-', ' ')}: ${truth ?? 'nothing is advised'}`, () => {
    const verdict = advise(recorded(name), SHORT)
    assert.equal(verdict.bottleneck?.code, truth, viewOf(verdict).headline)
    assert.equal(verdict.next.kind === 'step', truth !== undefined && truth !== 'host-is-busy')
  })
}

test('the same evidence gives the same verdict, and is not changed by it', () => {
  const evidence = recorded('missing-index')
  const before = structuredClone(evidence)
  assert.deepEqual(advise(evidence, SHORT), advise(structuredClone(evidence), SHORT))
  assert.deepEqual(evidence, before)
})

test('everything that is found has words, without holes', () => {
  for (const name of names) {
    const { findings } = advise(recorded(name), SHORT)
    for (const finding of findings) {
      const text = JSON.stringify(describeFinding(finding))
      assert.doesNotMatch(text, /undefined|NaN|Infinity|\[object/, `${name}: ${finding.code}`)
    }
  }
})

test('with too little evidence it says when to ask again', () => {
  const evidence = recorded('missing-index')
  const brief = advise(evidence)
  assert.equal(brief.state, 'unknown')
  assert.deepEqual(brief.fine, [])
  assert.ok(brief.next.kind === 'wait' && brief.next.reason === 'time' && brief.next.until > evidence.takenAt)
  const quiet = advise({ ...evidence, coverage: { ...evidence.coverage, requests: 20 } }, { leastSeconds: 4 })
  assert.ok(quiet.next.kind === 'wait' && quiet.next.reason === 'requests')
  const reset = advise({ ...evidence, coverage: { ...evidence.coverage, reset: true } }, SHORT)
  assert.ok(reset.next.kind === 'wait' && reset.next.reason === 'reset')
  assert.equal(alertsOf(brief), undefined)
})

test('a fault in the code is named before the full machine that it makes', () => {
  const verdict = advise(recorded('missing-index'), SHORT)
  const later = verdict.findings.filter((one) => one.class === 'hardware')
  assert.equal(verdict.bottleneck?.class, 'code')
  assert.ok(later.every((one) => verdict.findings.indexOf(one) > 0))
})

test('nobody says that no route asks once for each row where one was seen doing it', () => {
  const evidence = recorded('healthy')
  const seen = { code: 'n-plus-one', origin: 'GET /report', query: 'select ? from item', times: 20, share: 1 }
  assert.ok(advise(evidence, SHORT).fine.includes('n-plus-one'))
  assert.ok(!advise({ ...evidence, repeats: [seen] }, SHORT).fine.includes('n-plus-one'))
  const [first, ...others] = evidence.routes
  const query = { query: 'select ? from item', calls: 90, ms: 1, rows: 90, repeated: first!.count, mostInOne: 20 }
  const routes = [{ ...first!, queries: [query] }, ...others]
  assert.ok(!advise({ ...evidence, routes }, SHORT).fine.includes('n-plus-one'))
})

test('a fault that harms nobody is seen, and not advised', () => {
  const evidence = recorded('a-slow-partner')
  const patient = { ...evidence, configuration: { ...evidence.configuration, promisedP95: 60_000 } }
  const verdict = advise(patient, SHORT)
  assert.equal(verdict.state, 'healthy')
  assert.ok(verdict.findings.some(({ code }) => code === 'slow-call'))
  assert.deepEqual(verdict.next, { kind: 'nothing', why: 'healthy' })
})

test('what was predicted is compared once the cause is gone, at a comparable load', () => {
  const sick = recorded('a-slow-partner')
  const verdict = advise(sick, SHORT)
  const advice = adviceOf(verdict)!
  assert.equal(advice.code, 'slow-call')
  assert.equal(outcomeOf(advice, sick, verdict), undefined)

  const route = advice.expected.of!
  const mended: Evidence = {
    ...sick,
    routes: sick.routes.map((one) =>
      one.name === route ? { ...one, outgoing: 0, hosts: [], ms: one.ms - one.outgoing, p95: 12 } : one,
    ),
    traffic: { ...sick.traffic, p95: 12 },
  }
  const outcome = outcomeOf(advice, mended, advise(mended, SHORT))!
  assert.deepEqual([outcome.cameTrue, outcome.measured], [true, 12])
  const after = advise(mended, { ...SHORT, outcomes: [outcome] })
  assert.match(viewOf(after).outcomes[0]!, /predicted p95 .+ measured 12 ms: it came true/)

  const still = { ...mended, routes: mended.routes.map((one) => (one.name === route ? { ...one, p95: 900 } : one)) }
  assert.equal(outcomeOf(advice, still, advise(still, SHORT))!.cameTrue, false)
  const idle = { ...mended, traffic: { ...mended.traffic, perSecond: 1 } }
  assert.equal(outcomeOf(advice, idle, advise(idle, SHORT)), undefined)
})

test('a rule whose prediction failed here has little confidence', () => {
  const evidence = recorded('a-slow-partner')
  const { code, subject, expected } = advise(evidence, SHORT).bottleneck!
  const outcomes = [{ code, subject, predicted: expected, measured: 900, cameTrue: false }]
  assert.equal(advise(evidence, { ...SHORT, outcomes }).bottleneck?.confidence, 'low')
  // In a file, too; what a newer version has said of causes that nobody knows here is left out.
  const later = { ...outcomes[0]!, code: 'a cause of tomorrow' }
  const fromFile = advise({ ...evidence, outcomes: [...outcomes, later] }, SHORT)
  assert.equal(fromFile.bottleneck?.confidence, 'low')
  assert.deepEqual(fromFile.outcomes, outcomes)
})

test('what is told of a verdict names cause, subject and step; of a healthy app nothing is told', () => {
  const [alert] = alertsOf(advise(recorded('a-slow-partner'), SHORT))!
  assert.deepEqual([alert!.cause, alert!.subject, alert!.confidence], ['slow-call', 'GET /partner', 'high'])
  assert.match(alert!.says, /^GET \/partner waits for .+ Next step: Take the call .+ out of GET \/partner\.$/)
  assert.deepEqual(alertsOf(advise(recorded('healthy'), SHORT)), [])
  assert.deepEqual(alertsOf(advise(recorded('a-machine-taken-by-others'), SHORT)), [])
})
