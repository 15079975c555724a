import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heapFor, processesFor } from './index.ts'

const MB = 1024 * 1024
const on = (cores: number, memory: number, limited = false) => ({ cores, memoryBytes: memory * MB, limited })

test('there is a web process for each core, as far as the memory goes', () => {
  assert.equal(processesFor(on(8, 16_384)), 8)
  assert.equal(processesFor(on(8, 1024)), 3)
  assert.equal(processesFor(on(8, 128)), 1)
  assert.equal(processesFor(on(1, 16_384)), 1)
})

test('processes share what a container may take, and nothing is set where it has no limit or was set already', () => {
  assert.equal(heapFor(on(4, 1000, true), 5, ''), 150)
  assert.equal(heapFor(on(4, 100, true), 5, ''), 64)
  assert.equal(heapFor(on(4, 1000), 5, ''), undefined)
  assert.equal(heapFor(on(4, 1000, true), 5, '--max-old-space-size=300'), undefined)
})
