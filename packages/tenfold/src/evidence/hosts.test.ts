import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Samples } from './assemble.ts'
import { HostWatch } from './host.ts'
import { hostsOf } from './hosts.ts'

const machine = { cores: 2, busy: 1, steal: 0, iowait: 0, throttled: 0, memoryBytes: 8e9, memoryFree: 4e9 }
const sample = (source: string, at: number, cpuMs: number, postgres?: number, seconds = 1): Samples[number] =>
  ({
    source,
    at,
    sample: { host: 'one', seconds, cpuMs, machine: { ...machine, ...(postgres !== undefined && { postgres }) } },
  }) as Samples[number]

test('what the server takes is told by those who see it, and what the app takes is the sum of its processes', () => {
  // Two web processes and a worker; one of them looks at the server. One reported half a slot early.
  const [host] = hostsOf([
    sample('web-1', 0, 300, 1.2),
    sample('web-2', 0, 300),
    sample('worker', 0, 100, undefined, 0.5),
    sample('worker', 500, 100),
    sample('web-1', 1000, 300, 0.8),
    sample('web-2', 1000, 300),
    sample('worker', 1500, 100, undefined, 0.5),
  ])
  assert.equal(host!.postgres, 1)
  assert.equal(host!.app, 0.75)
  assert.equal(host!.other, 0.25)
})

test('the network is told where the kernel tells of it, in bytes a second', () => {
  const watch = new HostWatch()
  const { network, memoryBytes } = watch.read()
  assert.ok(memoryBytes > 0)
  if (process.platform !== 'linux') return
  assert.ok(network && network.receivedBytes >= 0 && network.sentBytes >= 0 && network.sentAgain >= 0)
  const one = sample('web', 0, 0)
  one.sample.machine = { ...one.sample.machine, network: { receivedBytes: 100, sentBytes: 50, sentAgain: 0.5 } }
  const other = sample('web', 1000, 0)
  other.sample.machine = { ...other.sample.machine, network: { receivedBytes: 300, sentBytes: 50, sentAgain: 0 } }
  assert.deepEqual(hostsOf([one, other])[0]!.network, { receivedBytes: 200, sentBytes: 50, sentAgain: 0.25 })
  assert.equal(hostsOf([sample('web', 0, 0)])[0]!.network, undefined)
})

test('what the server took before it was known is not laid to the moment in which it became known', () => {
  const watch = new HostWatch()
  assert.equal(watch.read().postgres, undefined)
  // Any process will do: this one has children that have taken some time.
  watch.postmaster = process.ppid
  assert.equal(watch.read().postgres, undefined)
  const { postgres } = watch.read()
  if (process.platform === 'linux') assert.ok(postgres !== undefined && postgres >= 0)
})
