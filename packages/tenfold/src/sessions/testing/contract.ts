import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { fakeClock, uuidv7 } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Sessions } from '../sessions.ts'

/** Two instances of one app on one store, with `idle` 1 h, `absolute` 1 d, `maxDataBytes` 1000 and the given `cacheFor`. */
export interface SessionsBackend {
  open(options: { clock: Clock; cacheFor?: number; pruneEvery?: number }): Sessions
  /** All that the store holds, as text: to be searched for what must not be in it (N1). */
  dump(): Promise<string>
  close(): Promise<void>
}

type Promises = 'N1' | 'N2' | 'N3' | 'N4' | 'N5' | 'N6' | 'N7'
const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Proves N1 to N7 of a backend; N8 has a test beside the code that it is about. */
export function describeSessionsContract(
  backend: string,
  open: () => Promise<SessionsBackend>,
  { cannot = {} }: { cannot?: Partial<Record<Promises, string>> } = {},
): void {
  const promise = (id: Promises, says: string, run: () => Promise<void>): void => {
    const reason = cannot[id]
    it(`${id} ${says}`, reason === undefined ? {} : { skip: reason }, run)
  }

  describe(`sessions on ${backend}`, () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1))
    let store: SessionsBackend
    let a: Sessions
    let b: Sessions
    before(async () => {
      store = await open()
      a = store.open({ clock })
      b = store.open({ clock })
    })
    after(async () => {
      await Promise.all([a.close(), b.close()])
      await store.close()
    })
    const user = (): string => uuidv7()

    promise('N1', 'goes on with a session on another instance, by an id that the store does not know', async () => {
      const userId = user()
      const { id, session } = await a.create({ userId, data: { theme: 'dark' } })
      assert.match(id, /^[\w-]{43}$/)
      assert.deepEqual(await b.read(id), session)
      assert.deepEqual([session.userId, session.data], [userId, { theme: 'dark' }])
      const dump = await store.dump()
      assert.ok(dump.includes(userId))
      const raw = Buffer.from(id, 'base64url')
      for (const secret of [id, raw.toString('hex'), raw.toString('base64')]) assert.ok(!dump.includes(secret))
      assert.ok(dump.includes(createHash('sha256').update(id).digest('hex')))
    })

    promise('N1', 'knows no session for what is not an id', async () => {
      const { id } = await a.create({})
      for (const bad of [
        '',
        'x',
        `${id}x`,
        id.slice(1),
        id.replace(/.$/, '\u0000'),
        `${id.slice(0, 42)}'`,
        'é'.repeat(43),
      ]) {
        assert.equal(await a.read(bad), undefined)
        assert.equal(await a.revoke(bad), false)
        assert.equal(await a.rotate(bad), undefined)
        assert.equal(await a.write(bad, {}), false)
      }
    })

    promise('N2', 'ends a session that is idle, and keeps one alive that is used', async () => {
      const [{ id: idle }, { id: used }] = [await a.create({}), await a.create({})]
      await clock.advance(40 * MINUTE)
      assert.ok(await b.read(used))
      await clock.advance(20 * MINUTE)
      assert.equal(await a.read(idle), undefined)
      const session = await a.read(used)
      assert.equal(session?.expiresAt, clock.now() + HOUR)
    })

    promise('N2', 'writes that it was seen at most once a minute', async () => {
      const { id, session } = await a.create({})
      await clock.advance(59_999)
      assert.equal((await a.read(id))?.lastSeenAt, session.lastSeenAt)
      await clock.advance(1)
      const both = await Promise.all([a.read(id), b.read(id), a.read(id)])
      assert.equal(both.filter(Boolean).length, 3)
      assert.equal((await a.read(id))?.lastSeenAt, session.lastSeenAt + MINUTE)
    })

    promise('N2', 'ends every session a fixed time after the sign-in, however busy it is', async () => {
      const { id } = await a.create({ userId: user() })
      let lived = 0
      for (; await a.read(id); lived++) await clock.advance(30 * MINUTE)
      assert.equal(lived, 48)
    })

    promise('N3', 'rotates: the old id is worthless at once, what it held goes on', async () => {
      const { id, session } = await a.create({ data: { cart: [1] }, userAgent: 'Firefox', ip: '192.0.2.7' })
      const userId = user()
      const next = await a.rotate(id, { userId })
      assert.ok(next && next.id !== id)
      assert.equal(await b.read(id), undefined)
      const { ref: _old, ...kept } = session
      const { ref, ...now } = (await b.read(next.id))!
      assert.deepEqual(now, { ...kept, userId })
      assert.notEqual(ref, session.ref)
    })

    promise('N3', 'starts the life of a session anew when somebody signs in, and only then', async () => {
      const { id } = await a.create({})
      await clock.advance(30 * MINUTE)
      const signedIn = await a.rotate(id, { userId: user() })
      assert.equal(signedIn?.session.createdAt, clock.now())
      await clock.advance(30 * MINUTE)
      const raised = await a.rotate(signedIn!.id, { data: { admin: true } })
      assert.equal(raised?.session.createdAt, signedIn?.session.createdAt)
      assert.deepEqual(raised?.session.data, { admin: true })
    })

    promise('N3', 'gives one new id when many requests rotate at the same time', async () => {
      const { id } = await a.create({ userId: user() })
      const all = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).rotate(id)))
      assert.equal(all.filter(Boolean).length, 1)
    })

    promise('N4', 'ends one session, or all of a user but one, for every instance', async () => {
      const userId = user()
      const ids = await Promise.all([1, 2, 3, 4].map(async () => (await a.create({ userId })).id))
      const other = await a.create({ userId: user() })
      assert.equal(await a.revoke(ids[0]!), true)
      assert.equal(await a.revoke(ids[0]!), false)
      assert.equal(await b.read(ids[0]!), undefined)
      assert.equal(await b.revokeAll(userId, { except: ids[1]! }), 2)
      const left = await Promise.all(ids.map((id) => a.read(id)))
      assert.deepEqual(left.map(Boolean), [false, true, false, false])
      assert.equal(await a.revokeAll(userId), 1)
      assert.ok(await a.read(other.id))
    })

    promise('N4', 'answers from memory no longer than cacheFor, and not at all once it was told', async () => {
      const [c, d] = [store.open({ clock, cacheFor: 60_000 }), store.open({ clock, cacheFor: 60_000 })]
      const isGone = async (id: string): Promise<void> => {
        const deadline = Date.now() + 5000
        while (await d.read(id)) {
          assert.ok(Date.now() < deadline, 'it was not told')
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
      }
      const userId = user()
      const ids = await Promise.all([1, 2, 3, 4].map(async () => (await c.create({ userId })).id))
      for (const id of ids) assert.ok((await c.read(id)) && (await d.read(id)))
      await c.revoke(ids[0]!)
      assert.equal(await c.read(ids[0]!), undefined, 'at once on the instance that revokes')
      await isGone(ids[0]!)
      await c.rotate(ids[1]!)
      await isGone(ids[1]!)
      assert.ok(await d.read(ids[2]!))
      await c.revokeAll(userId)
      await isGone(ids[2]!)
      await isGone(ids[3]!)

      const { id } = await c.create({})
      await d.read(id)
      await d.write(id, { theme: 'dark' })
      await clock.advance(60_000)
      assert.deepEqual((await c.read(id))?.data, { theme: 'dark' })
      await Promise.all([c.close(), d.close()])
    })

    promise('N5', 'keeps data as it is, up to its limit', async () => {
      const data = { text: 'nul \u0000, half a pair \ud800, ünï', list: [1, null, { deep: true }], __proto__: { x: 1 } }
      const { id, session } = await a.create({ data })
      assert.deepEqual((await b.read(id))?.data, JSON.parse(JSON.stringify(data)))
      assert.throws(() => (session.data.text = 'changed'), TypeError)
      assert.equal(await a.write(id, { next: 1 }), true)
      assert.deepEqual((await b.read(id))?.data, { next: 1 })
      const big = { big: 'x'.repeat(1000) }
      for (const attempt of [
        () => a.create({ data: big }),
        () => a.write(id, big),
        () => a.rotate(id, { data: big }),
      ]) {
        await assert.rejects(attempt, { code: 'TF_SESSION_TOO_LARGE' })
      }
      assert.deepEqual((await a.read(id))?.data, { next: 1 })
      await assert.rejects(a.create({ data: [] as never }), { code: 'TF_SESSION_DATA' })
    })

    promise('N6', 'lists what a user may want to recognise, and ends one without its id', async () => {
      const userId = user()
      const first = await a.create({ userId, userAgent: `Firefox\u0000\n${'x'.repeat(500)}`, ip: '203.0.113.9' })
      await clock.advance(MINUTE)
      const second = await a.create({ userId, ip: '2001:db8:1:2::3' })
      const list = await b.list(userId)
      assert.deepEqual(
        list.map((session) => session.network),
        ['2001:db8:1::/48', '203.0.113.0/24'],
      )
      assert.match(list[1]!.userAgent!, /^Firefoxx+$/)
      assert.equal(list[1]!.userAgent!.length, 256)
      assert.equal(await b.revokeListed(user(), list[0]!.ref), false, "not one of another user's")
      assert.equal(await b.revokeListed(userId, 'nonsense'), false)
      assert.equal(await b.revokeListed(userId, list[0]!.ref), true)
      assert.deepEqual([Boolean(await a.read(first.id)), Boolean(await a.read(second.id))], [true, false])
    })

    promise('N7', 'removes expired sessions by itself, and no others', async () => {
      const userId = user()
      for (let i = 0; i < 5; i++) await a.create({ userId })
      await clock.advance(2 * HOUR)
      const { id } = await a.create({ userId: `${userId}-alive` })
      const pruning = store.open({ clock, pruneEvery: 20 })
      const deadline = Date.now() + 5000
      while ((await store.dump()).includes(`${userId}"`)) {
        assert.ok(Date.now() < deadline, 'they were not removed')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      assert.ok(await a.read(id))
      await pruning.close()
    })
  })
}
