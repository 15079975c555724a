import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tell, type Group, type Told } from './group.ts'
import { isFlapping, judge, type AlertState, type Reading } from './judge.ts'
import { checkRules, type AlertRule } from './rule.ts'
import { isSilenced } from './silence.ts'
import { checkAlerts } from './settings.ts'

const MINUTE = 60_000
const rule: AlertRule = {
  name: 'cpu',
  severity: 'warn',
  says: 'CPU {percent}',
  todo: '',
  when: { metric: 'cpu', take: 'last', above: 80, until: 70 },
  for: '2m',
  keepFiring: '5m',
}
const [checked] = checkRules([rule])
const read = (value: number, labels = {}): Reading => ({ labels, value, enough: true })

/** One value a minute; the states that it goes through. */
function life(values: readonly (number | undefined)[], times: readonly number[] = values.map((_, i) => i)): string[] {
  let states: AlertState[] = []
  return values.map((value, i) => {
    states = judge(checked!, states, value === undefined ? [] : [read(value)], times[i]! * MINUTE)
    return states[0]?.state ?? '-'
  })
}

test('it is pending until it held for long enough, and forgotten if it did not', () => {
  assert.deepEqual(life([50, 85, 85, 85, 50]), ['-', 'pending', 'pending', 'firing', 'firing'])
  assert.deepEqual(life([85, 50, 85, 85]), ['pending', '-', 'pending', 'pending'])
})

test('between the two thresholds it stays what it was', () => {
  assert.deepEqual(life([75, 90, 90, 90, 75, 75, 90]), [
    '-',
    'pending',
    'pending',
    'firing',
    'firing',
    'firing',
    'firing',
  ])
})

test('it resolves when it was back for long enough, and not when it only dipped', () => {
  const dips = life([90, 90, 90, 50, 50, 90, 50, 50, 50, 50, 50])
  assert.equal(dips.at(-1), 'firing')
  const over = life([90, 90, 90, 50, 50, 50, 50, 50, 50])
  assert.deepEqual(over.slice(-2), ['firing', 'resolved'])
})

test('what is no longer measured is over, after the same time', () => {
  assert.deepEqual(life([90, 90, 90, ...Array.from({ length: 6 }, () => undefined)]).slice(-2), ['firing', 'resolved'])
})

test('what comes and goes is held until an hour was calm', () => {
  let states: AlertState[] = []
  let minute = 0
  const step = (value: number, minutes: number): void => {
    for (let i = 0; i < minutes; i++) states = judge(checked!, states, [read(value)], ++minute * MINUTE)
  }
  for (let round = 0; round < 2; round++) {
    step(90, 4)
    step(50, 7)
    assert.equal(states[0]!.state, 'resolved')
  }
  step(90, 4)
  assert.ok(isFlapping(states[0]!))
  step(50, 30)
  assert.equal(states[0]!.state, 'firing', 'half an hour is not calm enough')
  step(50, 61)
  assert.ok(!states.some((one) => one.state === 'firing'))
})

test('each set of labels is an alert of its own', () => {
  const [one, two] = [read(90, { job: 'a' }), read(10, { job: 'b' })]
  let states = judge(checked!, [], [one, two], 0)
  states = judge(checked!, states, [one, read(90, { job: 'b' })], 2 * MINUTE)
  assert.deepEqual(
    states.map(({ key, state }) => `${key} ${state}`),
    ['job=a firing', 'job=b pending'],
  )
})

test('too few values say nothing, but do not end what fires', () => {
  const few = { ...read(90), enough: false }
  assert.deepEqual(judge(checked!, [], [few], 0), [])
  let states = judge(checked!, [], [read(90)], 0)
  states = judge(checked!, states, [read(90)], 2 * MINUTE)
  for (let i = 3; i < 20; i++) states = judge(checked!, states, [few], i * MINUTE)
  assert.equal(states[0]!.state, 'firing')
})

const times = { waitMs: 30_000, intervalMs: 5 * MINUTE, repeatMs: 240 * MINUTE }
const fires = (key: string, more: Partial<AlertState> = {}): AlertState => ({
  rule: 'cpu',
  key,
  labels: {},
  state: 'firing',
  value: 1,
  activeAt: 0,
  turns: [],
  ...more,
})

/** What is told at each time, in seconds. */
function tellings(script: readonly [number, AlertState[], AlertState[]?][]): string[] {
  let group: Group | undefined
  return script.map(([seconds, firing, loud = firing]) => {
    const told: Told = tell('cpu', group, { firing, loud }, times, seconds * 1000)
    group = told.group
    return told.send ?? '-'
  })
}

test('alerts of a rule are told together, then when others join, then again while it lasts, then that it is over', () => {
  const [a, b, c] = [fires('a'), fires('b'), fires('c')]
  assert.deepEqual(
    tellings([
      [0, [a]],
      [29, [a, b]],
      [30, [a, b]],
      [60, [a, b]],
      [90, [a, b, c]],
      [331, [a, b, c]],
      [400, [a, b, c]],
      [331 + 240 * 60, [a, b, c]],
      [331 + 240 * 60 + 1, [c]],
      [331 + 240 * 60 + 2, []],
    ]),
    ['-', '-', 'firing', '-', '-', 'firing', '-', 'firing', '-', 'resolved'],
  )
})

test('what is over before anybody was told is not told, and what was acknowledged is not told again', () => {
  assert.deepEqual(
    tellings([
      [0, [fires('a')]],
      [20, []],
    ]),
    ['-', '-'],
  )
  const known = fires('a', { acknowledgedBy: 'kim' })
  assert.deepEqual(
    tellings([
      [0, [known]],
      [40, [known]],
      [40 + 250 * 60, [known]],
      [50_000, []],
    ]),
    ['-', 'firing', '-', 'resolved'],
  )
})

test('what is silenced is not told; what was told before is told to be over', () => {
  const a = fires('a')
  assert.deepEqual(
    tellings([
      [0, [a], []],
      [100, [a], []],
      [200, []],
    ]),
    ['-', '-', '-'],
  )
  assert.deepEqual(
    tellings([
      [0, [a]],
      [40, [a]],
      [100, [a], []],
      [200, []],
    ]),
    ['-', 'firing', '-', 'resolved'],
  )
})

test('silences match by rule and labels while they last; maintenance windows come again', () => {
  const state = { rule: 'cpu', labels: { job: 'a' } }
  const silence = { id: '1', by: 'kim', comment: '', createdAt: 0, startsAt: 10, endsAt: 20, rule: 'cpu' }
  assert.deepEqual(
    [9, 10, 19, 20].map((now) => isSilenced(state, [silence], [], now)),
    [false, true, true, false],
  )
  assert.equal(isSilenced(state, [{ ...silence, labels: { job: 'b' } }], [], 15), false)
  assert.equal(isSilenced({ ...state, rule: 'memory' }, [silence], [], 15), false)
  const { maintenance } = checkAlerts({ maintenance: [{ schedule: '0 3 * * *', for: '1h', rules: ['cpu'] }] })
  const at = (time: string): boolean => isSilenced(state, [], maintenance, Date.parse(`2026-03-01T${time}Z`))
  assert.deepEqual(['02:59:59', '03:00:00', '03:59:59', '04:00:00'].map(at), [false, true, true, false])
})

test('what is wrong with the configuration is told all at once', () => {
  assert.throws(
    () =>
      checkAlerts({
        rules: [
          { ...rule, name: 'No Name', when: { metric: 'x', take: 'last' } },
          { ...rule, name: 'b', when: { metric: 'x', take: 'last', above: 1, until: 2 }, inhibitedBy: ['c'] },
        ],
      }),
    (error: { code: string; message: string }) =>
      error.code === 'TF_BAD_ALERTS' &&
      ['needs a name', 'either above or below', 'wrong side', "inhibited by 'c'"].every((part) =>
        error.message.includes(part),
      ),
  )
  assert.throws(() => checkAlerts({ send: { page: ['pager'] } }), { code: 'TF_BAD_ALERTS' })
  assert.throws(() => checkAlerts({ defaults: { nonsense: false } }), { code: 'TF_BAD_ALERTS' })
  assert.equal(
    checkAlerts({ defaults: { cpu: false } }).rules.some(({ name }) => name === 'cpu'),
    false,
  )
  assert.deepEqual(checkAlerts({ defaults: false }).rules, [])
})
