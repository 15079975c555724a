import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { blueGreenDeploy, ReleaseRolledBack, rollingDeploy, type Place } from './index.ts'

type Release = 'old' | 'new' | 'unready'

/** A place of this process: a server that says whether it is ready. */
async function place(name: string, log: string[]): Promise<Place<Release> & { runs(): Release | undefined }> {
  let runs: Release | undefined
  const server: Server = createServer((_request, response) => {
    response.statusCode = runs !== undefined && runs !== 'unready' ? 200 : 503
    response.end()
  })
  after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return {
    name,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    runs: () => runs,
    async start(release) {
      log.push(`${name} starts ${release}`)
      runs = release
    },
    async stop() {
      if (runs) log.push(`${name} stops ${runs}`)
      runs = undefined
    },
  }
}

describe('a new release', () => {
  const quick = { noticeMs: 0, readyTimeoutMs: 200 }
  const setUp = async (names: string[], release?: Release) => {
    const log: string[] = []
    const places = await Promise.all(names.map((name) => place(name, log)))
    if (release) for (const one of places) await one.start(release)
    log.length = 0
    return { log, places }
  }

  test('takes one place after the other', async () => {
    const { log, places } = await setUp(['a', 'b'], 'old')
    await rollingDeploy({ ...quick, places, release: 'new', previous: 'old' })
    assert.deepEqual(log, ['a stops old', 'a starts new', 'b stops old', 'b starts new'])
  })

  test('is taken back everywhere when it does not get ready, or is no good', async () => {
    for (const bad of ['unready', 'new'] as const) {
      const { places } = await setUp(['a', 'b', 'c'], 'old')
      let tried = 0
      const refuse = async (): Promise<void> => {
        if (++tried === 2) throw new Error('the page is empty')
      }
      const rolling = rollingDeploy({ ...quick, places, release: bad, previous: 'old', try: refuse })
      const why = bad === 'new' ? /on 'b': the page is empty/ : /on 'a': it was not ready/
      await assert.rejects(rolling, (error) => ReleaseRolledBack.is(error) && why.test(error.message))
      assert.deepEqual(
        places.map((one) => one.runs()),
        ['old', 'old', 'old'],
      )
    }
  })

  test('that ends while it starts is taken back without waiting any longer', async () => {
    const { places } = await setUp(['a', 'b'], 'old')
    const dead = places.map((one) => ({ ...one, ended: () => (one.runs() === 'unready' ? 'code 1' : undefined) }))
    const rolling = rollingDeploy({ noticeMs: 0, places: dead, release: 'unready', previous: 'old' })
    await assert.rejects(rolling, (error) => ReleaseRolledBack.is(error) && /it ended with code 1/.test(error.message))
    assert.deepEqual(
      places.map((one) => one.runs()),
      ['old', 'old'],
    )
  })

  test('touches nothing when the balancer does not answer, and is taken back when it stops answering', async () => {
    const { log, places } = await setUp(['a', 'b'], 'old')
    const options = { ...quick, places, release: 'new', previous: 'old' } as const
    const through = 'http://127.0.0.1:1'
    await assert.rejects(rollingDeploy({ ...options, through }), { code: 'TF_BALANCER_SILENT' })
    await assert.rejects(blueGreenDeploy({ ...options, from: places, to: [], through }), { code: 'TF_BALANCER_SILENT' })
    assert.deepEqual(log, [])

    const balancer = await place('balancer', [])
    await balancer.start('old')
    const breaks = async (): Promise<void> => balancer.stop()
    await assert.rejects(
      rollingDeploy({ ...options, through: balancer.url, try: breaks }),
      (error) => ReleaseRolledBack.is(error) && /does not answer any more \(503\)/.test(error.message),
    )
    assert.deepEqual(
      places.map((one) => one.runs()),
      ['old', 'old'],
    )
  })

  test('is never put on the only place', async () => {
    const { log, places } = await setUp(['a'], 'old')
    await assert.rejects(rollingDeploy({ ...quick, places, release: 'new', previous: 'old' }), /needs two instances/)
    assert.deepEqual(log, [])
  })

  test('comes up beside the one from before, or that one is not touched', async () => {
    const { log, places } = await setUp(['blue'], 'old')
    const { places: to, log: green } = await setUp(['green-1', 'green-2'])
    await assert.rejects(blueGreenDeploy({ ...quick, from: places, to, release: 'unready' }), ReleaseRolledBack.is)
    assert.deepEqual(log, [])
    assert.deepEqual(
      to.map((one) => one.runs()),
      [undefined, undefined],
    )
    green.length = 0
    await blueGreenDeploy({ ...quick, from: places, to, release: 'new' })
    assert.deepEqual([...green, ...log], ['green-1 starts new', 'green-2 starts new', 'blue stops old'])
  })
})
