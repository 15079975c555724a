import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Limiter, LimiterOptions, Limits } from '../limits.ts'

/** Instances of one app that share one store; one instance where the backend cannot share. */
export interface LimitsBackend {
  instances: Limits[]
  close(): Promise<void>
}

type Promises = 'L1' | 'L2' | 'L3' | 'L4' | 'L7' | 'L8'

/** Proves L1 to L4, L7 and L8 of a backend with its own clock; L5 and L6 have tests beside the code they are about. */
export function describeLimitsContract(
  backend: string,
  open: () => Promise<LimitsBackend>,
  { cannot = {} }: { cannot?: Partial<Record<Promises, string>> } = {},
): void {
  const promise = (id: Promises, says: string, run: () => Promise<void>): void => {
    const reason = cannot[id]
    it(`${id} ${says}`, reason === undefined ? {} : { skip: reason }, run)
  }

  describe(`rate limits on ${backend}`, () => {
    let opened: LimitsBackend
    let made = 0
    before(async () => {
      opened = await open()
    })
    after(() => opened.close())

    const define = (windows: LimiterOptions['windows']): Limiter[] => {
      const name = `test.limit-${++made}`
      return opened.instances.map((limits) => limits.define({ name, windows }))
    }

    promise('L1', 'allows the burst at once and no more, over all instances', async () => {
      const limiters = define([{ max: 1000, per: '1h' }])
      const asks = Array.from({ length: 3000 }, (_, i) => limiters[i % limiters.length]!.take('k'))
      const allowed = (await Promise.all(asks)).filter((decision) => decision.allowed).length
      assert.ok(allowed >= 1000 && allowed <= 1010, `${allowed} of 3000 were allowed`)
    })

    promise('L1', 'then allows the steady rate', async () => {
      const [limiter] = define([{ max: 100, per: '1s', burst: 1 }])
      const start = performance.now()
      let allowed = 0
      while (performance.now() - start < 500) {
        const decision = await limiter!.take('k')
        if (decision.allowed) allowed++
        else await new Promise((resolve) => setTimeout(resolve, 1))
      }
      const most = (performance.now() - start) / 10 + 2
      assert.ok(allowed > 10 && allowed <= most, `${allowed} allowed, at most ${most}`)
    })

    promise('L1', 'tells keys and limiters apart', async () => {
      const [one] = define([{ max: 1, per: '1h' }])
      const [other] = define([{ max: 1, per: '1h' }])
      for (const ask of [() => one!.take('a'), () => one!.take('b'), () => other!.take('a')]) {
        assert.equal((await ask()).allowed, true)
        assert.equal((await ask()).allowed, false)
      }
    })

    promise(
      'L8',
      'a penalty keeps its key out on every instance for as long as it counts, and nobody else',
      async () => {
        const limiters = define([
          { max: 5, per: '1h' },
          { max: 100, per: '1d' },
        ])
        assert.equal((await limiters[0]!.take('k')).allowed, true)
        await limiters[0]!.penalize('k', 20)
        for (const limiter of limiters) {
          const { allowed, remaining, retryAfterMs } = await limiter.take('k')
          assert.deepEqual([allowed, remaining], [false, 0])
          // 21 requests and one more at one every 12 minutes, 5 of which may come at once.
          assert.ok(Math.abs(retryAfterMs - 17 * 720_000) < 60_000, `${retryAfterMs} ms`)
        }
        assert.equal((await limiters.at(-1)!.take('other')).allowed, true)
        await limiters[0]!.reset('k')
        assert.equal((await limiters[0]!.take('k')).allowed, true)
        await assert.rejects(limiters[0]!.penalize('k', Number.NaN), { code: 'TF_LIMIT_COST' })
      },
    )

    promise('L2', 'counts in all windows or in none', async () => {
      const [limiter] = define([
        { max: 2, per: '1h' },
        { max: 3, per: '1d' },
      ])
      assert.deepEqual(about(await limiter!.take('k')), { allowed: true, limit: 2, remaining: 1, window: 0 })
      assert.deepEqual(about(await limiter!.take('k')), { allowed: true, limit: 2, remaining: 0, window: 0 })
      assert.deepEqual(about(await limiter!.take('k')), { allowed: false, limit: 2, remaining: 0, window: 0 })
      const [strict] = define([
        { max: 100, per: '1h' },
        { max: 1, per: '1d' },
      ])
      await strict!.take('k')
      for (let i = 0; i < 200; i++) assert.equal((await strict!.take('k')).allowed, false)
      const refused = await strict!.take('k')
      assert.deepEqual(about(refused), { allowed: false, limit: 1, remaining: 0, window: 1 })
      assert.ok(refused.retryAfterMs > 86_000_000 && refused.retryAfterMs <= 86_400_000)
    })

    promise('L2', 'counts a cost, and says when one can never be allowed', async () => {
      const [limiter] = define([{ max: 10, per: '1h' }])
      assert.equal((await limiter!.take('k', 7)).remaining, 3)
      const tooDear = await limiter!.take('k', 4)
      assert.equal(tooDear.allowed, false)
      assert.ok(tooDear.retryAfterMs > 350_000 && tooDear.retryAfterMs <= 360_000)
      assert.equal((await limiter!.take('k', 3)).remaining, 0)
      assert.equal((await limiter!.take('fresh', 11)).retryAfterMs, Infinity)
      await assert.rejects(limiter!.take('k', 0), { code: 'TF_LIMIT_COST' })
    })

    promise('L3', 'allows the same request after retryAfterMs, however often it was refused', async () => {
      const [limiter] = define([{ max: 2, per: '400ms' }])
      await limiter!.take('k')
      await limiter!.take('k')
      const refused = await limiter!.take('k')
      assert.ok(refused.retryAfterMs > 0 && refused.retryAfterMs <= 200, `${refused.retryAfterMs}`)
      assert.ok(refused.resetMs >= refused.retryAfterMs && refused.resetMs <= 400)
      const until = performance.now() + refused.retryAfterMs + 5
      while (performance.now() < until) {
        await limiter!.take('other')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      assert.equal((await limiter!.take('k')).allowed, true)
    })

    promise('L4', 'refuses what it knows to be over its limit without asking the store', async () => {
      const [limiter] = define([{ max: 1, per: '1h' }])
      await limiter!.take('k')
      assert.equal((await limiter!.take('k')).by, 'store')
      const known = await limiter!.take('k')
      assert.equal(known.by, 'known')
      assert.ok(known.retryAfterMs > 3_500_000 && known.retryAfterMs <= 3_600_000)
      assert.equal((await limiter!.take('other')).by, 'store')
      await limiter!.reset('k')
      assert.equal((await limiter!.take('k')).allowed, true)
    })

    promise('L7', 'takes any string as a key', async () => {
      const [limiter] = define([{ max: 1, per: '1h' }])
      const keys = ['', 'x'.repeat(100_000), 'x'.repeat(100_001), 'a\u0000b', '\ud800', "'; drop table x --", 'ключ']
      for (const key of keys) {
        assert.deepEqual([(await limiter!.take(key)).allowed, (await limiter!.take(key)).allowed], [true, false])
      }
    })
  })
}

function about({ allowed, limit, remaining, window }: Awaited<ReturnType<Limiter['take']>>) {
  return { allowed, limit, remaining, window }
}
