import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parseSync } from 'oxc-parser'
import type { LoadResult, StepResult } from '../../load/index.ts'
import { startKnownServer, type KnownServer } from '../../load/testing/index.ts'
import { sandbox } from '../sandbox.fixture.ts'

describe('tenfold load', () => {
  let box: Awaited<ReturnType<typeof sandbox>>
  let server: KnownServer
  before(async () => {
    box = await sandbox({ database: true })
    server = await startKnownServer('delay', '5')
  })
  after(async () => {
    server.stop()
    await box.remove()
  })
  const load = (...more: string[]) =>
    box.run(['load', '--url', server.url, '--rate', '40', '--for', '400ms', '--warm-up', '100ms', ...more])

  test('keeps the result and a report; a missed threshold is exit code 1; runs are compared', async () => {
    const missed = await load('--route', '/x?a=1', '--repeat', '4', '--threshold', 'p95=9000,GET /x p50=1', '--json')
    assert.equal(missed.code, 1)
    const { file, report, ...result } = JSON.parse(missed.stdout) as LoadResult & { file: string; report: string }
    assert.deepEqual(
      result.steps.map(({ due, routes }) => [due, Object.keys(routes)]),
      Array.from({ length: 4 }, () => [16, ['GET /x']]),
    )
    assert.deepEqual(
      result.thresholds.map(({ name, holds }) => `${name} ${holds}`),
      ['p95 true', 'GET /x p50 false'],
    )
    assert.ok(result.steps[0]!.felt?.connections !== undefined, 'the database of the project was looked at')
    assert.match(readFileSync(report, 'utf8'), /<!doctype html>/)
    assert.match((await box.run(['load', 'list'])).stdout, /GET \/x/)

    // The first round four times, and one that took two thirds of its time: rounds on a busy machine differ by more.
    const kept = JSON.parse(readFileSync(file, 'utf8')) as LoadResult
    const steps = kept.steps.map(() => ({ ...kept.steps[0]!, invalid: [] }))
    const quicker = ({ buckets, ...step }: StepResult) => ({
      ...step,
      buckets: { ...buckets, first: buckets.first - 10 },
    })
    box.write({
      'after.json': JSON.stringify({ ...kept, steps }),
      'before.json': JSON.stringify({ ...kept, steps: steps.map(quicker) }),
    })
    const slower = await box.run(['load', 'compare', 'before.json', 'after.json'])
    assert.deepEqual([slower.code, /It got slower/.test(slower.stdout)], [1, true], slower.stdout + slower.stderr)
    const same = await box.run(['load', 'compare', 'after.json', 'after.json'])
    assert.equal(same.code, 0, same.stdout)
    box.write({ 'brief.json': JSON.stringify({ ...kept, steps: steps.slice(0, 1) }) })
    assert.equal((await box.run(['load', 'compare', 'before.json', 'brief.json'])).code, 1)
    const unknown = await box.run(['load', 'compare', 'before.json', 'brief.json', '--if-possible'])
    assert.deepEqual([unknown.code, /It cannot be said: one of them has 1 rounds/.test(unknown.stdout)], [0, true])
  })

  test('a run whose thresholds hold is exit code 0', async () => {
    const deadline = Date.now() + 60_000
    for (;;) {
      const { code, stdout } = await load('--routes', '--threshold', 'p95=9000')
      assert.match(stdout, /not sent: POST \/notes: it changes something/)
      // A machine that is too busy to send on time says so, and that is no success either.
      if (!/not valid/.test(stdout) || Date.now() > deadline) return assert.equal(code, 0, stdout)
    }
  })

  test('loads nothing but this machine unless told, and nobody who is not there', async () => {
    const away = await box.run(['load', '--url', 'http://192.0.2.1', '--route', '/'])
    assert.equal(away.code, 1)
    assert.match(away.stderr, /TF_LOAD_NOT_LOCAL[^]*--allow-host 192\.0\.2\.1/)
    const gone = await box.run(['load', '--url', 'http://127.0.0.1:1', '--route', '/'])
    assert.match(gone.stderr, /TF_LOAD_NO_ANSWER/)
    assert.equal((await box.run(['load', '--url', server.url])).code, 2)
  })

  test('writes what scenarios and k6 need', async () => {
    const client = await box.run(['load', 'client'])
    assert.match(client.stdout, /"GET \/hello"/)
    assert.deepEqual(parseSync('client.d.ts', client.stdout).errors, [])
    const script = await box.run(['load', 'k6', '--route', '/hello', '--rate', '10..100', '--for', '1m'])
    assert.match(script.stdout, /ramping-arrival-rate/)
    assert.deepEqual(parseSync('load.ts', script.stdout).errors, [])
  })
})
