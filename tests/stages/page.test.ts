/** The guide promises what the proof holds, and nothing else. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FAULTS } from '../../proofs/stages/faults.ts'
import { table } from '../../proofs/stages/page.ts'
import { FAULT_NAMES, PROMISES, promised } from '../../proofs/stages/promises.ts'
import { STAGES } from '../../stages/plan.ts'

const page = readFileSync(new URL('../../docs/guide/failures.md', import.meta.url), 'utf8')

test('the table of the guide is the one that the proof holds', () => {
  assert.ok(page.includes(table()), `docs/guide/failures.md should have this table:\n\n${table()}\n`)
})

test('every fault is promised at some stage, once at each, and only where there is what breaks', () => {
  for (const fault of FAULT_NAMES) {
    assert.ok(FAULTS[fault])
    const stages = PROMISES.filter((one) => one.fault === fault).flatMap((one) => [...one.stages])
    assert.ok(stages.length > 0, fault)
    assert.equal(new Set(stages).size, stages.length, `${fault} is promised twice at a stage`)
  }
  for (const plan of STAGES) {
    const has = (fault: (typeof FAULT_NAMES)[number]): boolean => promised(fault, plan.stage) !== undefined
    assert.equal(has('pgbouncer-restarted'), plan.pgbouncer)
    assert.equal(has('replica-cut-off'), plan.replicas > 0)
    assert.equal(has('redis-flushed'), plan.redis)
    assert.equal(has('s3-away'), plan.s3)
    assert.equal(has('network-split'), plan.apart)
    assert.equal(
      has('service-killed'),
      plan.parts.some(({ service }) => service),
    )
    assert.equal(
      has('worker-killed'),
      plan.parts.some(({ name }) => name === 'worker'),
    )
  }
})
