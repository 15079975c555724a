/** The shop as processes that are killed. Orders are placed all the while; a client that gets no answer repeats its request
 *  with the same key, as clients should. In the end everything is counted. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { OrdersTables } from '../modules/orders/tables.gen.ts'
import { openShop, orderOf, until, type Shop } from './shop.ts'
import type { Visitor } from './visitor.ts'

const KILLS = Number(process.env.SHOP_KILLS ?? 6)
const CUSTOMERS = 4

test(
  'killed again and again, the shop loses no order and charges none twice',
  { timeout: 240_000 + KILLS * 10_000 },
  async (t) => {
    // This instance makes the database and looks at the result; the work is done by the processes.
    const shop = await openShop({ failureRate: 0.2, roles: ['web'] })
    const folder = await mkdtemp(join(tmpdir(), 'shop-crash-'))
    const processes = await startProcesses(shop, folder)
    try {
      const mug = await shop.product({ stock: 1_000_000 })
      const customers = await Promise.all(Array.from({ length: CUSTOMERS }, () => shop.customer()))
      const load = placeOrders(
        customers.map((customer) => moved(customer, processes.url)),
        mug,
      )
      for (let kill = 0; kill < KILLS; kill++) {
        await new Promise((resolve) => setTimeout(resolve, 400 + Math.random() * 900))
        await processes.killOne()
      }
      const accepted = await load.stop()
      assert.ok(accepted.length > KILLS * 3, `${accepted.length} orders are too few to say anything`)

      await until('every order is decided and every job done', () => settled(shop), 150_000)
      const orders = await shop.app
        .db<OrdersTables>('orders')
        .selectFrom('orders')
        .select(['id', 'state', 'total'])
        .execute()
      const ids = new Set(orders.map((order) => order.id))
      assert.deepEqual(
        accepted.filter((id) => !ids.has(id)),
        [],
        'every order that was accepted is there',
      )
      assert.equal(new Set(accepted).size, accepted.length, 'no two requests were given the same order')
      assert.deepEqual(
        orders.filter((order) => order.state !== 'paid'),
        [],
        'all are paid',
      )

      const { charges, amount, chargedTwice } = shop.provider.ledger.totals()
      assert.deepEqual([charges, chargedTwice], [orders.length, 0])
      assert.equal(
        amount,
        orders.reduce((sum, order) => sum + order.total, 0),
      )
      assert.equal(await shop.stockOf(mug), 1_000_000 - orders.length - (await heldPieces(shop)), 'no piece is lost')

      const receipts = shop.mailbox.mails.filter((mail) => mail.subject?.startsWith('Your order'))
      assert.equal(new Set(receipts.map((mail) => mail.messageId)).size, orders.length, 'everybody has a receipt')
      t.diagnostic(`${KILLS} kills, ${orders.length} orders, ${charges} charges, ${receipts.length} receipts`)
      // Each kill can hit at most the ten jobs that run at that moment; only they may have mailed without saying so.
      assert.ok(
        receipts.length <= orders.length + KILLS * 10,
        `${receipts.length} receipts for ${orders.length} orders`,
      )
    } finally {
      await processes.stop()
      await shop.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
)

/** Each customer orders without a pause, and repeats a request until it is answered. */
function placeOrders(customers: Visitor[], product: string) {
  const accepted: string[] = []
  let going = true
  const buyers = customers.map(async (customer) => {
    while (going) {
      const key = { 'idempotency-key': randomUUID() }
      for (;;) {
        const answer = await customer.post('/orders', orderOf(product), key).catch(() => undefined)
        if (answer?.status === 201) accepted.push(answer.body.id)
        else if (answer && answer.status < 500 && answer.status !== 429)
          throw new Error(`${answer.status} ${answer.body.code}`)
        if (answer?.status === 201) break
        await new Promise((resolve) => setTimeout(resolve, 30))
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })
  return {
    async stop(): Promise<string[]> {
      going = false
      await Promise.all(buyers)
      return accepted
    },
  }
}

/** The same person with the same cookies, at another address. */
function moved(customer: Visitor, url: string): Visitor {
  const send: Visitor['send'] = (method, path, body, headers) =>
    customer.send(method, new URL(path, url).href, body, headers)
  return {
    ...customer,
    send,
    post: (path, body, headers) => send('POST', path, body, headers),
    get: (path) => send('GET', path),
  }
}

async function settled(shop: Shop): Promise<boolean> {
  const open = await shop.app
    .db<OrdersTables>('orders')
    .selectFrom('orders')
    .select('id')
    .where('state', '=', 'placed')
    .execute()
  const jobs = await shop.app.instance.queue.summary()
  return open.length === 0 && jobs.every((job) => job.waiting + job.running + job.delayed === 0)
}

/** Reservations whose request died before its order: their pieces come back when half an hour has passed. */
async function heldPieces(shop: Shop): Promise<number> {
  const { rows } = await shop.app.db('catalog').sql<{ held: number }>`
    select coalesce(sum(l.quantity), 0)::bigint as held from reservations r join reservation_lines l on l.reservation_id = r.id
    where r.state = 'held'`
  return rows[0]!.held
}

interface Processes {
  /** Of the web process. */
  url: string
  /** Kills one of them at random, with no chance to clean up, and starts it again. */
  killOne(): Promise<void>
  stop(): Promise<void>
}

async function startProcesses(shop: Shop, folder: string): Promise<Processes> {
  const port = await freePort()
  const start = (role: string): ChildProcess =>
    spawn(
      process.execPath,
      [
        fileURLToPath(import.meta.resolve('tenfold/package.json')).replace('package.json', 'bin/tenfold.js'),
        'start',
        '--only',
        role,
      ],
      {
        cwd: new URL('..', import.meta.url),
        stdio: 'ignore',
        env: {
          ...process.env,
          ...shop.variables,
          STORAGE_URL: `file://${folder}`,
          PORT: String(port),
          NODE_ENV: 'test',
          LOG_LEVEL: 'fatal',
        },
      },
    )
  const roles = ['web', 'worker', 'worker']
  const children = roles.map(start)
  const url = `http://127.0.0.1:${port}`
  const answers = (): Promise<boolean> =>
    fetch(new URL('/health/live', url)).then(
      (reply) => reply.ok,
      () => false,
    )
  await until('the web process answers', answers, 30_000)
  return {
    url,
    async killOne() {
      const victim = Math.floor(Math.random() * children.length)
      await end(children[victim]!)
      children[victim] = start(roles[victim]!)
      await until('the web process answers', answers, 30_000)
    },
    stop: async () => void (await Promise.all(children.map(end))),
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
