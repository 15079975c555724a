import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf } from './network.ts'

test('an address is reduced to its network', () => {
  const cases: Record<string, string | undefined> = {
    '192.0.2.77': '192.0.2.0/24',
    '::ffff:192.0.2.77': '192.0.2.0/24',
    '2001:db8:abcd:12::1': '2001:db8:abcd::/48',
    '2001:0DB8::1': '2001:db8::/48',
    '::1': '::/48',
    'fe80::1%eth0': 'fe80::/48',
    '': undefined,
    localhost: undefined,
    '1.2.3': undefined,
    "1.2.3.4'; --": undefined,
  }
  for (const [ip, network] of Object.entries(cases)) assert.equal(networkOf(ip), network, ip)
})
