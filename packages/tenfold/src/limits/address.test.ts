import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf } from './address.ts'

test('IPv6 clients are counted by their network', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  assert.equal(networkOf('2001:db8::6'), '2001:db8:0:0::/64')
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
})
