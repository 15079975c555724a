/** The shop as real processes, billing apart from the rest; billing's is killed and started again while orders are placed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openShop, orderOf, until, type Shop } from '../../examples/shop/tests/shop.ts'
import { visitor, type Visitor } from '../../examples/shop/tests/visitor.ts'
import shop from '../../examples/shop/app.ts'
import { startFront, type Front } from '../../packages/tenfold/src/app/testing/index.ts'

export interface Ordered {
  kills: number
  accepted: number
  lost: number
  undecided: number
  chargedTwice: number
  /** Requests that have nothing to do with billing, and those of them that were not answered well. */
  elsewhere: number
  refused: number
}

export interface KillOptions {
  kills: number
  comesBack: boolean
  log(line: string): void
  signal: AbortSignal
}

const REST = ['auth', 'catalog', 'orders', 'notifications', 'media']
const PROGRAM = fileURLToPath(new URL('../../packages/tenfold/bin/tenfold.js', import.meta.url))
const FOLDER = fileURLToPath(new URL('../../examples/shop', import.meta.url))

export async function killUnderLoad({ kills, comesBack, log, signal }: KillOptions): Promise<Ordered> {
  const stops: (() => Promise<unknown>)[] = []
  try {
    // Makes the database and looks at the result; what serves are the processes.
    const shopData = await openShop({ roles: [] })
    stops.push(() => shopData.close())
    const folder = await mkdtemp(join(tmpdir(), 'tenfold-split-'))
    stops.push(() => rm(folder, { recursive: true, force: true }))
    const front = await startFront(shop.modules)
    stops.push(() => front.close())
    const start = (modules: readonly string[]): Promise<ChildProcess> =>
      startProcess(modules, { ...shopData.variables, STORAGE_URL: `file://${folder}` }, front, signal)
    const [rest, billing] = await Promise.all([start(REST), start(['billing'])])
    const living = { billing }
    stops.push(() => Promise.all([end(rest, 'SIGTERM'), end(living.billing, 'SIGTERM')]))

    const mug = await shopData.product({ stock: 100_000 })
    const customers = await Promise.all(Array.from({ length: 3 }, () => customerOf(front.url)))
    const load = placeOrders(customers, mug, front.url)
    for (let kill = 1; kill <= kills; kill++) {
      await load.reached(kill * 5)
      await end(living.billing, 'SIGKILL')
      log(`  killed, ${load.accepted.length} orders so far`)
      await load.looked(20)
      if (comesBack) living.billing = await start(['billing'])
    }
    await load.reached((kills + 2) * 5)
    await load.stop()
    return {
      kills,
      ...(await outcome(shopData, load.accepted, comesBack ? 180_000 : 5000)),
      elsewhere: load.seen.elsewhere,
      refused: load.seen.refused,
    }
  } finally {
    for (const stop of stops.reverse()) await stop().catch(() => {})
  }
}

/** Payments that failed meanwhile are tried again after growing pauses. */
async function outcome(shopData: Shop, accepted: readonly string[], patienceMs: number) {
  const orders = async () => {
    const { rows } = await shopData.app.db('orders').sql<{ id: string; state: string }>`select id, state from orders`
    return new Map(rows.map(({ id, state }) => [id, state]))
  }
  const decided = async (): Promise<boolean> => [...(await orders()).values()].every((state) => state === 'paid')
  await until('every order is paid', decided, patienceMs).catch(() => {})
  const states = await orders()
  return {
    accepted: accepted.length,
    lost: accepted.filter((id) => !states.has(id)).length,
    undecided: [...states.values()].filter((state) => state !== 'paid').length,
    chargedTwice: [...states.keys()].filter((id) => shopData.provider.ledger.byReference(id).length > 1).length,
  }
}

async function startProcess(
  modules: readonly string[],
  variables: Record<string, string>,
  front: Front,
  signal: AbortSignal,
): Promise<ChildProcess> {
  const elsewhere = [...REST, 'billing'].filter((name) => !modules.includes(name))
  const remote = Object.fromEntries(elsewhere.map((name) => [`REMOTE_${name.toUpperCase()}_URL`, front.url]))
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(
    process.execPath,
    [PROGRAM, 'start', '--modules', modules.join(), '--only', 'web,worker', '--json'],
    {
      cwd: FOLDER,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH, HOME, NODE_ENV: 'test', LOG_LEVEL: 'fatal', PORT: '0', ...variables, ...remote },
      signal,
    },
  )
  child.on('error', () => {}) // of the signal
  let printed = ''
  for await (const data of child.stdout!) {
    printed += String(data)
    const url = /"ready":true,"url":"([^"]+)"/.exec(printed)?.[1]
    if (!url) continue
    for (const name of modules) front.place(name, url)
    if (modules.length > 1) front.place(undefined, url)
    return child
  }
  throw new Error(`the process of ${modules.join()} ended: ${printed}`)
}

async function customerOf(url: string): Promise<Visitor> {
  const customer = visitor(url)
  const email = `${randomUUID()}@mail.example`
  const { status } = await customer.post('/users', { email, name: 'Carla Customer', password: 'a long password' })
  if (status !== 201) throw new Error(`a customer could not sign up: ${status}`)
  return customer
}

/** Each customer orders one after the other; meanwhile somebody looks at the catalogue, which needs no billing. */
function placeOrders(customers: readonly Visitor[], product: string, url: string) {
  const accepted: string[] = []
  const seen = { elsewhere: 0, refused: 0 }
  const state = { going: true }
  const buyers = customers.map(async (customer) => {
    while (state.going) {
      const key = { 'idempotency-key': randomUUID() }
      const answer = await customer.post<{ id: string }>('/orders', orderOf(product), key).catch(() => undefined)
      if (answer?.status === 201) accepted.push(answer.body.id)
      await pause(100)
    }
  })
  const looker = async (): Promise<void> => {
    while (state.going) {
      const ok = await fetch(`${url}/products`).then(
        async (reply) => (await reply.arrayBuffer(), reply.ok),
        () => false,
      )
      seen.elsewhere++
      if (!ok) seen.refused++
      await pause(20)
    }
  }
  const all = Promise.all([...buyers, looker()])
  const reached = (count: number): Promise<void> => until(`${count} orders`, () => accepted.length >= count, 60_000)
  return {
    accepted,
    seen,
    reached,
    looked: (more: number, from = seen.elsewhere) => until('looks', () => seen.elsewhere >= from + more, 60_000),
    async stop(): Promise<void> {
      state.going = false
      await all
    },
  }
}

async function end(child: ChildProcess, how: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(how)
  await once(child, 'exit')
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
