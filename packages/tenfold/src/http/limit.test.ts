import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { route, startServer, type TestServer } from './testing/index.ts'

const answer = { handle: async ({ ip }: { ip: string }) => ({ ip }) }
/** The proxy is the test itself. */
const from = (ip: string): RequestInit => ({ headers: { 'x-forwarded-for': ip } })

describe('the limits of a route', () => {
  let server: TestServer
  before(async () => {
    server = await startServer(
      [
        route('GET /listed', {
          limit: {
            by: 'ip',
            max: 1,
            per: '1h',
            allow: ['10.0.0.0/8', '2001:db8::/32'],
            deny: ['10.6.6.6', '192.0.2.0/24'],
          },
          ...answer,
        }),
        route('GET /several', {
          limit: [
            { by: 'everyone', max: 2, per: '1h' },
            { by: 'ip', max: 9, per: '1h', deny: ['192.0.2.0/24'] },
          ],
          ...answer,
        }),
        route('GET /wrong', {
          limit: { by: 'ip', max: 5, per: '1h' },
          async handle(request) {
            await request.penalize(20)
            return {}
          },
        }),
      ],
      { trustProxy: ['127.0.0.1'] },
    )
  })
  after(() => server.stop())

  const statuses = async (path: string, ip: string, times: number): Promise<number[]> => {
    const all: number[] = []
    for (let i = 0; i < times; i++) all.push((await server.get(path, from(ip))).status)
    return all
  }

  test('do not count those who are allowed, in whatever spelling', async () => {
    assert.deepEqual(await statuses('/listed', '10.1.2.3', 3), [200, 200, 200])
    assert.deepEqual(await statuses('/listed', '::ffff:10.1.2.3', 3), [200, 200, 200])
    assert.deepEqual(await statuses('/listed', '2001:db8:7::1', 3), [200, 200, 200])
    assert.deepEqual(await statuses('/listed', '203.0.113.9', 3), [200, 429, 429])
  })

  test('never let in those who are denied, be they allowed as well', async () => {
    assert.deepEqual(await statuses('/listed', '192.0.2.77', 2), [403, 403])
    assert.deepEqual(await statuses('/listed', '10.6.6.6', 2), [403, 403])
    const denied = await server.get('/listed', from('192.0.2.77'))
    assert.equal(((await denied.json()) as { code: string }).code, 'TF_DENIED')
  })

  test('count nothing of those whom one of them denies', async () => {
    assert.deepEqual(await statuses('/several', '192.0.2.77', 3), [403, 403, 403])
    assert.deepEqual(await statuses('/several', '203.0.113.9', 3), [200, 200, 429])
  })

  test('count what a handler adds, far beyond the limit, for this client only', async () => {
    assert.deepEqual(await statuses('/wrong', '203.0.113.1', 2), [200, 429])
    const refused = await server.get('/wrong', from('203.0.113.1'))
    assert.ok(Number(refused.headers.get('retry-after')) > 3 * 3600)
    assert.deepEqual(await statuses('/wrong', '203.0.113.2', 1), [200])
  })

  test('with networks that are none are refused at the start', async () => {
    const start = (entry: string) =>
      startServer([route('GET /x', { limit: { by: 'ip', max: 1, per: '1h', deny: [entry] }, ...answer })])
    for (const entry of [
      '10.0.0.0/x',
      '10.0.0/8',
      '10/8',
      '192.0.2.0 /24',
      '10.0.0.0/8/8',
      '2001:db8:/32',
      '10.0.0.0/',
    ]) {
      await assert.rejects(start(entry), /no network/, entry)
    }
    for (const entry of ['10.0.0.256', ' 192.0.2.1']) await assert.rejects(start(entry), /no address/, entry)
    for (const entry of ['user-7', 'org/12', '7', 'acme/7/x']) await (await start(entry)).stop()
  })
})
