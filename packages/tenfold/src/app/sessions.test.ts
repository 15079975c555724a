import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { defineModule } from '../modules/index.ts'
import { app, type Instance } from './index.ts'
import { startTwo } from './testing/index.ts'

const m = defineModule('people')
const signIn = m.route('POST /sign-in/:name/:role', {
  auth: 'public',
  reply: z.object({ token: z.string() }),
  handler: ({ params, session }) => session.signIn({ id: params.name, role: params.role }),
})
const signOut = m.route('POST /sign-out', { auth: 'user', handler: ({ session }) => session.signOut() })
const me = m.route('GET /me', {
  auth: 'user',
  reply: z.object({ name: z.string(), role: z.string().optional() }),
  handler: async ({ user }) => ({ name: user.id, role: user.role }),
})
const mine = m.route('GET /sessions', {
  auth: 'user',
  reply: z.array(z.object({ ref: z.string(), current: z.boolean(), told: z.array(z.string()) })),
  handler: async ({ user, session, sessions }) =>
    (await sessions.list(user.id)).map((one) => ({
      ref: one.ref,
      current: one.ref === session.id,
      told: Object.keys(one),
    })),
})
const end = m.route('DELETE /sessions/:ref', {
  auth: 'user',
  reply: z.object({ done: z.boolean() }),
  handler: async ({ params, user, sessions }) => ({ done: await sessions.end(user.id, params.ref) }),
})
const endOthers = m.route('DELETE /sessions', {
  auth: 'user',
  reply: z.object({ ended: z.number() }),
  handler: async ({ user, session, sessions }) => ({ ended: await sessions.endAll(user.id, { except: session.id }) }),
})
const definition = app({
  name: 'people_test',
  modules: [m.build({ parts: [signIn, signOut, me, mine, end, endOthers] })],
})

describe('sessions of an app over two instances, each with what it read in its memory', () => {
  let two: Awaited<ReturnType<typeof startTwo>>
  let instances: Instance[]
  before(async () => {
    two = await startTwo(definition)
    instances = two.instances
  })
  after(async () => {
    await two?.close()
  })

  const ask = async (at: 0 | 1, method: string, path: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const answer = await fetch(`${instances[at]!.url}${path}`, { method, headers })
    return { status: answer.status, body: answer.status === 204 ? undefined : ((await answer.json()) as never) }
  }
  const tokenOf = async (name: string, role = 'customer', known?: string): Promise<string> =>
    ((await ask(0, 'POST', `/sign-in/${name}/${role}`, known)).body as unknown as { token: string }).token
  /** In memory of both. */
  const known = async (token: string): Promise<void> => {
    for (const at of [0, 1] as const) assert.equal((await ask(at, 'GET', '/me', token)).status, 200)
  }
  /** How soon is held by the contract of sessions (N4), with a memory that lasts longer than the test. */
  const goneEverywhere = async (token: string): Promise<void> => {
    const began = performance.now()
    while (
      !(await Promise.all([0, 1].map((at) => ask(at as 0, 'GET', '/me', token)))).every((one) => one.status === 401)
    )
      assert.ok(performance.now() - began < 20_000, 'somebody is still signed in')
  }

  test('a module lists the sessions of a user, without what is in them, and ends one', async () => {
    const [phone, laptop] = [await tokenOf('ada'), await tokenOf('ada')]
    const stranger = await tokenOf('bob')
    for (const token of [phone, laptop, stranger]) await known(token)
    const listed = (await ask(1, 'GET', '/sessions', laptop)).body as unknown as {
      ref: string
      current: boolean
      told: string[]
    }[]
    assert.equal(listed.filter(({ current }) => current).length, 1)
    assert.equal(listed.length, 2)
    assert.ok(listed.every(({ told }) => !told.includes('data')))
    const other = listed.find(({ current }) => !current)!
    assert.deepEqual((await ask(1, 'DELETE', `/sessions/${other.ref}`, stranger)).body, { done: false })
    assert.deepEqual((await ask(1, 'DELETE', `/sessions/${other.ref}`, laptop)).body, { done: true })
    await goneEverywhere(phone)
    await known(laptop)
    await known(stranger)
  })

  test('a module ends all sessions of a user but the one that asks', async () => {
    const tokens = [await tokenOf('eve'), await tokenOf('eve'), await tokenOf('eve')]
    for (const token of tokens) await known(token)
    assert.deepEqual((await ask(0, 'DELETE', '/sessions', tokens[1])).body, { ended: 2 })
    await goneEverywhere(tokens[0]!)
    await goneEverywhere(tokens[2]!)
    await known(tokens[1]!)
  })

  test('signing out on one instance is signing out on the other', async () => {
    const token = await tokenOf('kim')
    await known(token)
    assert.equal((await ask(0, 'POST', '/sign-out', token)).status, 204)
    await goneEverywhere(token)
  })

  test('another role comes with another token, and the old one is worth nothing', async () => {
    const before = await tokenOf('joe')
    await known(before)
    const raised = await tokenOf('joe', 'admin', before)
    assert.notEqual(raised, before)
    await goneEverywhere(before)
    assert.deepEqual((await ask(1, 'GET', '/me', raised)).body, { name: 'joe', role: 'admin' })
  })
})
