/** People in the shop, at a constant pace, whatever becomes of their requests. Each request is noted with its fate. */
import { randomUUID } from 'node:crypto'
import { orderOf } from '../../examples/shop/tests/shop.ts'
import { visitor, type Visitor } from '../../examples/shop/tests/visitor.ts'

export type Kind = 'reads' | 'writes' | 'files'

export interface Asked {
  kind: Kind
  /** Milliseconds since the load began. */
  from: number
  to: number
  /** What came instead of a good answer. */
  failed: string | undefined
}

export interface Load {
  readonly asked: readonly Asked[]
  /** Orders that somebody was told of. */
  readonly accepted: ReadonlySet<string>
  /** Own orders that were not there when they were looked at. */
  readonly unseen: readonly string[]
  /** Customers whose last picture was accepted. */
  readonly pictured: ReadonlySet<Visitor>
  now(): number
  stop(): Promise<void>
}

export interface LoadOptions {
  url: string
  customers: readonly Visitor[]
  product: string
}

/** Sixty by forty pixels, in blue. */
const PHOTO = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAADwAAAAoCAMAAACVZWnNAAAAA1BMVEVEiMyxYYQeAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAGUlE' +
    'QVRIie3BMQEAAADCoPVPbQwfoAAAeBgJiAABYSgL3QAAAABJRU5ErkJggg==',
  'base64',
)

/** The longest that anybody waits for an answer. */
const PATIENCE_MS = 12_000
const LOOKS_EVERY_MS = 100
/** The shop lets a customer order sixty times a minute. */
const ORDERS_EVERY_MS = 1500

export async function newCustomer(url: string): Promise<Visitor> {
  const customer = visitor(url)
  const email = `${randomUUID()}@mail.example`
  const { status } = await customer.post('/users', { email, name: 'Carla Customer', password: 'a long password' })
  if (status !== 201) throw new Error(`a customer could not sign up: ${status}`)
  return Object.assign(customer, { email })
}

export function startLoad({ url, customers, product }: LoadOptions): Load {
  const asked: Asked[] = []
  const accepted = new Set<string>()
  const unseen: string[] = []
  const pictured = new Set<Visitor>()
  const running = new Set<Promise<unknown>>()
  const startedAt = performance.now()
  const now = (): number => performance.now() - startedAt
  const state = { going: true }
  const somebody = visitor(url)

  const ask = async (
    kind: Kind,
    who: Visitor,
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; text: string } | undefined> => {
    const from = now()
    const headers = { connection: 'close', ...(init.headers as Record<string, string>) }
    const answer = await who
      .open(path, { ...init, headers, signal: AbortSignal.timeout(PATIENCE_MS) })
      .then(
        async (response) => ({ status: response.status, text: await response.text() }),
        (error: Error) => error,
      )
      .catch((error: Error) => error)
    const broken = answer instanceof Error ? reasonOf(answer) : isBroken(answer.status) ? sayingOf(answer) : undefined
    asked.push({ kind, from, to: now(), failed: broken })
    return answer instanceof Error || isBroken(answer.status) ? undefined : answer
  }
  const begin = (one: Promise<unknown>): void => {
    running.add(one)
    void one.finally(() => running.delete(one))
  }

  let turn = 0
  const looking = setInterval(() => {
    const customer = customers[turn++ % customers.length]!
    begin(turn % 2 === 0 ? ask('reads', somebody, `/products/${product}`) : ask('reads', customer, '/orders'))
  }, LOOKS_EVERY_MS)

  const shopping = customers.map(async (customer, i) => {
    await pause((i * ORDERS_EVERY_MS) / customers.length)
    for (let n = 0; state.going; n++) {
      const key = randomUUID()
      // Repeated under the same key until it is answered, as clients should.
      while (state.going) {
        const headers = { 'idempotency-key': key, 'content-type': 'application/json' }
        const answer = await ask('writes', customer, '/orders', {
          method: 'POST',
          headers,
          body: JSON.stringify(orderOf(product)),
        })
        if (answer?.status === 201) {
          const { id } = JSON.parse(answer.text) as { id: string }
          accepted.add(id)
          const seen = await ask('reads', customer, `/orders/${id}`)
          if (seen && seen.status === 404) unseen.push(id)
          break
        }
        await pause(ORDERS_EVERY_MS)
      }
      if (n % 3 === 0 && state.going) {
        const sent = await ask('files', customer, '/me/avatar', {
          method: 'PUT',
          body: new Uint8Array(PHOTO),
          headers: { 'content-type': 'image/png' },
        })
        // One that failed may have taken the place of the one before all the same.
        if (sent?.status === 202) pictured.add(customer)
        else pictured.delete(customer)
      }
      await pause(ORDERS_EVERY_MS)
    }
  })

  return {
    asked,
    accepted,
    unseen,
    pictured,
    now,
    async stop() {
      state.going = false
      clearInterval(looking)
      await Promise.all(shopping)
      await Promise.all(running)
    },
  }
}

/** Too many at once is what the shop says to who repeats too soon; what is not there is looked at by who asked for it. */
function isBroken(status: number): boolean {
  return status >= 400 && status !== 404 && status !== 429
}

function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer in ${PATIENCE_MS / 1000} s`
  return ((error.cause ?? error) as { code?: string }).code ?? error.message
}

function sayingOf({ status, text }: { status: number; text: string }): string {
  return `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ''}`.trim()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
