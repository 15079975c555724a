import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fakeClock } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Cache, CacheOptions, Caches } from '../cache.ts'

/** Two instances of one app, as far as the backend can have two. */
export interface CacheBackend {
  a: Caches
  b?: Caches
  /** Makes `b` lose messages for a moment, as a broken connection would. */
  breakLine?(): Promise<void>
  close(): Promise<void>
}

type Promises = 'C1' | 'C2' | 'C3' | 'C4' | 'C5' | 'C6' | 'C7' | 'C8' | 'C9' | 'C10'

/** Proves C1 to C10 of a backend; `cannot` names the promises that it does not give, each with the reason.
 *  @param options.shared whether the two instances share values: then what that promises is proven, too */
export function describeCacheContract(
  backend: string,
  open: (clock: Clock) => Promise<CacheBackend>,
  { cannot = {}, shared = false }: { cannot?: Partial<Record<Promises, string>>; shared?: boolean } = {},
): void {
  const promise = (id: Promises, says: string, run: () => Promise<void>): void => {
    const reason = cannot[id]
    it(`${id} ${says}`, reason === undefined ? {} : { skip: reason }, run)
  }

  describe(`cache on ${backend}`, () => {
    const clock = fakeClock(1000)
    const names = counter()
    let opened: CacheBackend
    before(async () => {
      opened = await open(clock)
    })
    after(() => opened.close())

    /** A cache of its own for each test, with a loader that counts and can be held. */
    const setUp = (options: Partial<CacheOptions<string, unknown>> = {}) => {
      const source = new Source()
      const name = `test.cache-${names()}`
      const define = (caches: Caches) =>
        caches.define<string, unknown>({ name, ttl: '1m', jitter: 0, shared, load: source.load, ...options })
      return { source, a: define(opened.a), b: opened.b && define(opened.b) }
    }

    promise('C1', 'loads a value once and serves it until its ttl is over', async () => {
      const { a, source } = setUp()
      assert.equal(a.peek('k'), undefined)
      assert.equal(await a.get('k'), 'k#1')
      await clock.advance(59_999)
      assert.equal(await a.get('k'), 'k#1')
      assert.equal(a.peek('k'), 'k#1')
      await clock.advance(1)
      assert.equal(a.peek('k'), undefined)
      assert.equal(await a.get('k'), 'k#2')
      assert.equal(source.loads, 2)
    })

    promise('C1', 'takes jitter off the ttl and never adds any', async () => {
      const { a, source } = setUp({ jitter: 0.5 })
      const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
      await Promise.all(keys.map((key) => a.get(key)))
      await clock.advance(29_999)
      assert.equal(keys.filter((key) => a.peek(key) === undefined).length, 0)
      await clock.advance(15_001)
      const gone = keys.filter((key) => a.peek(key) === undefined).length
      assert.ok(gone > 50 && gone < 150, `${gone} of 200 were gone at three quarters of the ttl`)
      await clock.advance(15_000)
      assert.equal(keys.filter((key) => a.peek(key) !== undefined).length, 0)
      assert.equal(source.loads, 200)
    })

    promise('C2', 'loads once for 500 callers', async () => {
      const { a, source } = setUp()
      source.hold()
      const callers = Array.from({ length: 500 }, () => a.get('k'))
      source.release()
      assert.deepEqual(new Set(await Promise.all(callers)), new Set(['k#1']))
      assert.equal(source.loads, 1)
    })

    promise('C3', 'serves an old value while one load refreshes it', async () => {
      const { a, source } = setUp({ staleFor: '5m' })
      await a.get('k')
      await clock.advance(60_000)
      source.hold()
      assert.deepEqual(await Promise.all([a.get('k'), a.get('k'), a.get('k')]), ['k#1', 'k#1', 'k#1'])
      source.release()
      await until(async () => (await a.get('k')) === 'k#2')
      assert.equal(source.loads, 2)
      await clock.advance(360_000)
      assert.equal(await a.get('k'), 'k#3')
    })

    promise('C3', 'refreshes what is often asked for shortly before it gets old, so that nobody waits', async () => {
      let loads = 0
      const load = async (): Promise<number> => {
        // A load of 2 s, by the clock of the cache.
        await clock.advance(2000)
        return ++loads
      }
      const { a } = setUp({ ttl: '100s', load })
      await a.get('k')
      await clock.advance(50_000)
      for (let i = 0; i < 100; i++) await a.get('k')
      assert.equal(loads, 1, 'not when it is half old')
      await clock.advance(49_000)
      for (let i = 0; i < 100; i++) assert.notEqual(a.peek('k'), undefined)
      await until(async () => (await a.get('k')) === 2)
      assert.equal(a.stats().misses, 1, 'nobody waited')
    })

    promise('C3', 'keeps the old value when the refresh fails, until staleFor is over', async () => {
      const { a, source } = setUp({ staleFor: '5m' })
      await a.get('k')
      await clock.advance(60_000)
      source.error = new Error('away')
      assert.equal(await a.get('k'), 'k#1')
      await until(async () => a.stats().loadErrors === 1)
      assert.equal(await a.get('k'), 'k#1')
      assert.equal(source.loads, 2, 'a failed refresh is not tried again at once')
      await clock.advance(300_000)
      await assert.rejects(a.get('k'), /away/)
    })

    promise('C4', "gives a loader's error to those who waited, and loads again for the next", async () => {
      const { a, source } = setUp()
      source.error = new Error('away')
      const both = await Promise.allSettled([a.get('k'), a.get('k')])
      assert.deepEqual(
        both.map((one) => one.status),
        ['rejected', 'rejected'],
      )
      assert.equal(source.loads, 1)
      source.error = undefined
      assert.equal(await a.get('k'), 'k#2')
    })

    promise('C4', 'ends a load that hangs, and aborts its signal', async () => {
      let aborted = false
      const begun = Promise.withResolvers<void>()
      const { a } = setUp({
        loadTimeout: '2s',
        load: (_key, signal) => {
          begun.resolve()
          return new Promise(() => signal.addEventListener('abort', () => (aborted = true)))
        },
      })
      const waiting = assert.rejects(a.get('k'), { code: 'TF_CACHE_LOAD_TIMEOUT' })
      await begun.promise
      await clock.advance(2000)
      await waiting
      assert.ok(aborted)
    })

    for (const how of ['invalidate', 'invalidateTag', 'clear', 'set'] as const) {
      promise('C5', `does not store what was being loaded during ${how}, nor lets later callers join`, async () => {
        const { a, source } = setUp({ tags: () => ['t'] })
        source.hold()
        const early = a.get('k')
        await until(async () => source.loads === 1)
        const change = { invalidate: () => a.invalidate('k'), invalidateTag: () => a.invalidateTag('t') }
        if (how === 'set') await a.set('k', 'mine')
        else if (how === 'clear') await a.clear()
        else await change[how]()
        const late = a.get('k')
        source.release()
        assert.equal(await early, 'k#1')
        assert.equal(await late, how === 'set' ? 'mine' : 'k#2')
        assert.equal(await a.get('k'), how === 'set' ? 'mine' : 'k#2')
      })
    }

    promise('C5', 'does not store what turns out to carry a tag that was invalidated during its load', async () => {
      const { a, source } = setUp({ tags: (_value, key) => [key] })
      source.hold()
      const loading = [a.get('hit'), a.get('missed')]
      await until(async () => source.loads === 2)
      await a.invalidateTag('hit')
      source.release()
      await Promise.all(loading)
      assert.deepEqual([a.peek('hit'), a.peek('missed')], [undefined, 'missed#2'])
    })

    promise('C5', 'forgets the entries of a tag and no others', async () => {
      const { a } = setUp({ tags: (_value, key) => [key.slice(0, 1)] })
      for (const key of ['a1', 'a2', 'b1']) await a.get(key)
      await a.invalidateTag('a')
      assert.deepEqual(
        ['a1', 'a2', 'b1'].map((key) => a.peek(key) !== undefined),
        [false, false, true],
      )
      await opened.a.invalidateTag('b')
      assert.equal(a.peek('b1'), undefined)
    })

    promise('C6', 'tells the other instance', async () => {
      const { a, b } = setUp({ tags: () => ['t'] })
      for (const forget of [
        () => a.invalidate('k'),
        () => a.invalidateTag('t'),
        () => a.clear(),
        () => a.set('k', 1),
      ]) {
        await b!.get('k')
        assert.notEqual(b!.peek('k'), undefined)
        await forget()
        await until(async () => b!.peek('k') === undefined)
      }
    })

    promise('C6', 'tells the other instance of many keys at once, and leaves the rest alone', async () => {
      const { a, b } = setUp()
      const keys = Array.from({ length: 3000 }, (_, i) => `${i}:${'é'.repeat(100)}`)
      await Promise.all([...keys, 'kept'].map((key) => b!.get(key)))
      await Promise.all(keys.map((key) => a.invalidate(key)))
      await until(async () => keys.every((key) => b!.peek(key) === undefined))
      assert.notEqual(b!.peek('kept'), undefined)
    })

    promise('C6', 'forgets everything where messages may have been lost', async () => {
      const { b } = setUp()
      await b!.get('k')
      await opened.breakLine!()
      await until(async () => b!.peek('k') === undefined)
    })

    promise('C7', 'waits for the commit', async () => {
      const { a } = setUp()
      await a.get('k')
      const tx = transaction()
      await a.invalidate('k', { tx })
      assert.equal(a.peek('k'), 'k#1')
      tx.commit()
      assert.equal(a.peek('k'), undefined)
    })

    promise('C9', 'keeps a missing value only as long as missingTtl says', async () => {
      let loads = 0
      const load = (): undefined => void loads++
      const forgetful = setUp({ load })
      await forgetful.a.get('k')
      await forgetful.a.get('k')
      assert.equal(loads, 2)
      const { a } = setUp({ load, missingTtl: '10s' })
      await a.get('k')
      await a.get('k')
      assert.equal(loads, 3)
      await clock.advance(10_000)
      await a.get('k')
      assert.equal(loads, 4)
    })

    promise('C10', 'freezes what it shares, through and through', async () => {
      const { a } = setUp({ load: () => ({ tags: ['x'], owner: { name: 'Ann' } }) })
      const value = (await a.get('k')) as { tags: string[]; owner: { name: string } }
      assert.throws(() => value.tags.push('y'), TypeError)
      assert.throws(() => (value.owner.name = 'Bob'), TypeError)
      assert.deepEqual(await a.get('k'), { tags: ['x'], owner: { name: 'Ann' } })
    })

    promise('C1', 'gives many values in the order of their keys, and loads what is missing together', async () => {
      const batches: number[] = []
      const loadMany = async (keys: readonly string[]): Promise<string[]> => {
        batches.push(keys.length)
        return keys.map((key) => `many ${key}`)
      }
      const { a, source } = setUp({ loadMany })
      await a.get('k1')
      assert.deepEqual(await a.getMany(['k2', 'k1', 'k3', 'k2']), ['many k2', 'k1#1', 'many k3', 'many k2'])
      assert.equal(
        batches.reduce((sum, size) => sum + size),
        2,
      )
      assert.deepEqual(await a.getMany(['k3', 'k1']), ['many k3', 'k1#1'])
      assert.deepEqual([source.loads, await a.getMany([])], [1, []])
    })

    if (shared) sharedPromises(promise, setUp)
    if (shared)
      promise('C2', 'gives no instance a value in the form of another release', async () => {
        const name = `test.form-${names()}`
        const forms = { old: 0, new: 0 }
        const define = (caches: Caches, version: keyof typeof forms) =>
          caches.define<string, string>({
            name,
            ttl: '1m',
            shared,
            version,
            load: () => `${version} ${++forms[version]}`,
          })
        const [a, b] = [define(opened.a, 'old'), define(opened.b!, 'new')]
        assert.equal(await a.get('k'), 'old 1')
        assert.equal(await b.get('k'), 'new 1')
        await a.invalidate('k')
        await until(async () => (await b.get('k')) === 'new 2')
        assert.match(await a.get('k'), /^old/)
      })

    promise('C8', 'stays within its room', async () => {
      const { a } = setUp({ load: (key) => key.repeat(10_000) })
      for (let i = 0; i < 2000; i++) await a.get(`key-${i}`)
      const bytes = Object.values(opened.a.stats()).reduce((sum, stats) => sum + stats.bytes, 0)
      assert.ok(bytes <= ROOM.maxBytes, `${bytes} bytes`)
      assert.ok(a.stats().entries > 10 && a.stats().evictions > 1000)
    })
  })
}

type SetUp = (options?: Partial<CacheOptions<string, unknown>>) => {
  source: Source
  a: Cache<string, unknown>
  b: Cache<string, unknown> | undefined
}

function sharedPromises(promise: (id: Promises, says: string, run: () => Promise<void>) => void, setUp: SetUp): void {
  promise('C2', 'loads once for 500 callers on two instances, and gives all of them that value', async () => {
    const { a, b, source } = setUp()
    source.hold()
    const callers = Array.from({ length: 500 }, (_, i) => (i % 2 ? a : b!).get('k'))
    await until(async () => source.loads === 1)
    source.release()
    assert.deepEqual(new Set(await Promise.all(callers)), new Set(['k#1']))
    assert.equal(source.loads, 1)
    assert.equal(a.stats().sharedHits + b!.stats().sharedHits, 1)
  })

  promise('C2', 'does not load what another instance has, whatever it is made of', async () => {
    const value = {
      at: new Date(0),
      bytes: Buffer.from([1, 255]),
      map: new Map([[1, new Set(['x'])]]),
      big: 10n ** 30n,
      long: 'ä'.repeat(50_000),
      nothing: undefined,
    }
    const { a, b } = setUp({ load: () => value })
    await a.get('k')
    await until(async () => (await b!.get('k'), b!.stats().sharedHits === 1))
    const { bytes, ...rest } = (await b!.get('k')) as typeof value
    const { bytes: expected, ...others } = value
    assert.deepEqual(rest, others)
    assert.deepEqual([...bytes], [...expected])
  })

  promise('C2', 'lets each instance load what does not survive the way', async () => {
    class Money {
      readonly cents = 1
    }
    const { a, b } = setUp({ load: () => new Money() })
    assert.ok((await a.get('k')) instanceof Money)
    assert.ok((await b!.get('k')) instanceof Money)
  })

  promise('C5', 'what was set and then invalidated comes back on no instance', async () => {
    const { a, b, source } = setUp()
    for (let i = 0; i < 20; i++) {
      const set = a.set(`k${i}`, 'mine')
      await Promise.all([set, a.invalidate(`k${i}`)])
      assert.notEqual(await a.get(`k${i}`), 'mine')
      assert.notEqual(await b!.get(`k${i}`), 'mine')
    }
    assert.ok(source.loads >= 20)
  })

  promise('C3', 'loads once for two instances what was dropped for both', async () => {
    const { a, b, source } = setUp({ staleFor: '5m' })
    await a.get('k')
    await until(async () => (await b!.get('k')) === 'k#1')
    await a.clear()
    await until(async () => b!.peek('k') === undefined)
    const both = await Promise.all([a.get('k'), b!.get('k')])
    assert.deepEqual(both, ['k#2', 'k#2'])
    assert.equal(source.loads, 2)
  })

  promise('C4', 'a failed load keeps nobody waiting on the other instance', async () => {
    const { a, b, source } = setUp()
    source.error = new Error('away')
    const both = await Promise.allSettled([a.get('k'), b!.get('k')])
    assert.deepEqual(new Set(both.map((one) => one.status)), new Set(['rejected']))
    source.error = undefined
    assert.deepEqual(
      (await Promise.all([a.get('k'), b!.get('k')])).map((value) => typeof value),
      ['string', 'string'],
    )
  })

  for (const how of ['invalidate', 'invalidateTag', 'clear', 'set'] as const) {
    promise('C5', `after ${how} on one instance, the other does not store what it was loading`, async () => {
      const { a, b, source } = setUp({ tags: () => ['t'] })
      source.hold()
      const early = b!.get('k')
      await until(async () => source.loads === 1)
      if (how === 'invalidate') await a.invalidate('k')
      else if (how === 'invalidateTag') await a.invalidateTag('t')
      else if (how === 'clear') await a.clear()
      else await a.set('k', 'mine')
      source.release()
      assert.equal(await early, 'k#1')
      const next = how === 'set' ? 'mine' : 'k#2'
      assert.equal(await a.get('k'), next)
      await until(async () => (await b!.get('k')) === next)
      assert.equal(await b!.get('k'), next)
    })
  }
}

/** The room that backends under test must give (C8). */
export const ROOM = { maxBytes: 4 * 1024 * 1024, maxEntries: 10_000 }

class Source {
  loads = 0
  error: Error | undefined
  #gate = Promise.resolve()
  #open: () => void = () => {}

  readonly load = async (key: string): Promise<string> => {
    const value = `${key}#${++this.loads}`
    const error = this.error
    await this.#gate
    if (error) throw error
    return value
  }

  hold(): void {
    const gate = Promise.withResolvers<void>()
    this.#gate = gate.promise
    this.#open = gate.resolve
  }

  release(): void {
    this.#open()
  }
}

function transaction(): { afterCommit(fn: () => void): void; commit(): void } {
  const after: (() => void)[] = []
  return { afterCommit: (fn) => void after.push(fn), commit: () => after.forEach((fn) => fn()) }
}

function counter(): () => number {
  let next = 1
  return () => next++
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'it did not come true within 5 s')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
