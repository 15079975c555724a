/** A payment provider, as small as one can be and still be honest: it is slow, it fails, it loses answers, it restarts.
 *  What it has charged it keeps in a file, and one idempotency key is charged once.
 *
 *    POST /charges               { amount, currency, card, reference }, header Idempotency-Key
 *    POST /charges/:id/refund    header Idempotency-Key
 *    GET  /charges               how many, and how much; ?reference=… those of one order
 *    GET  /cards/:token          the card's country
 *
 *  `tok_declined…` is always declined; a token that ends in `_us` or another country's letters is a card of that country,
 *  any other one of Germany. */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { openLedger, type Ledger } from './ledger.ts'

export interface ProviderOptions {
  /** Where the charges are kept. `:memory:` forgets them at the end. */
  file: string
  /** Defaults to a free one. */
  port?: number
  /** How long an answer takes, at least and at most, in ms. Defaults to 20 and 120. */
  latencyMs?: [number, number]
  /** The share of POSTs that fail, from 0 to 1: refused before, broken after the charge, or never answered. Defaults to 0. */
  failureRate?: number
}

export interface Provider {
  url: string
  /** Can be changed while it runs. */
  failureRate: number
  ledger: Ledger
  close(): Promise<void>
}

export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const { file, port = 0, latencyMs = [20, 120] } = options
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
  const ledger = openLedger(file)
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    handle(request, provider, latencyMs).then(
      (done) => done && answer(done.status, done.body),
      (error: Error) => answer(400, { error: error.message }),
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const provider: Provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failureRate: options.failureRate ?? 0,
    ledger,
    close: () => close(server, ledger),
  }
  return provider
}

interface Answer {
  status: number
  body: object
}

/** Undefined: the request is never answered. */
async function handle(
  request: IncomingMessage,
  provider: Provider,
  latency: [number, number],
): Promise<Answer | undefined> {
  const { ledger, failureRate } = provider
  const url = new URL(request.url ?? '/', 'http://provider')
  const body = await readJson(request)
  await new Promise((resolve) => setTimeout(resolve, latency[0] + Math.random() * (latency[1] - latency[0])))
  if (request.method === 'GET') return look(url, ledger)

  const fails = Math.random() < failureRate
  const way = Math.random()
  if (fails && way < 0.4) return { status: 503, body: { error: 'We are busy.' } }
  const done = change(url, request, body, ledger)
  if (fails && way < 0.8) return { status: 500, body: { error: 'Something broke after the work was done.' } }
  if (fails) return undefined
  return done
}

function look(url: URL, ledger: Ledger): Answer {
  const [, kind, id = ''] = url.pathname.split('/')
  if (kind === 'cards' && /^tok_/.test(id)) return { status: 200, body: { token: id, country: countryOf(id) } }
  if (url.pathname === '/charges') {
    const reference = url.searchParams.get('reference')
    return { status: 200, body: reference ? { charges: ledger.byReference(reference) } : ledger.totals() }
  }
  return { status: 404, body: { error: 'There is nothing here.' } }
}

function change(url: URL, request: IncomingMessage, body: Record<string, unknown>, ledger: Ledger): Answer {
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string') return { status: 400, body: { error: 'Idempotency-Key is missing.' } }
  const asked = `${url.pathname} ${JSON.stringify(body)}`
  const earlier = ledger.answered(key)
  if (earlier)
    return earlier.asked === asked ? earlier : { status: 422, body: { error: 'That key was for another request.' } }

  const [, kind, id = '', action] = url.pathname.split('/')
  if (kind === 'charges' && !id) {
    const { amount, card, reference = '' } = body
    if (
      !Number.isInteger(amount) ||
      (amount as number) <= 0 ||
      typeof card !== 'string' ||
      typeof reference !== 'string'
    ) {
      return { status: 400, body: { error: 'amount and card are needed.' } }
    }
    const state = card.startsWith('tok_declined') ? 'declined' : 'succeeded'
    const charge = {
      id: `ch_${randomUUID()}`,
      state,
      amount: amount as number,
      reference,
    } as const
    return ledger.charge(key, asked, charge)
  }
  if (kind === 'charges' && action === 'refund') return ledger.refund(key, asked, id)
  return { status: 404, body: { error: 'There is nothing here.' } }
}

function countryOf(token: string): string {
  return /_([a-z]{2})$/.exec(token)?.[1]?.toUpperCase() ?? 'DE'
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const piece of request) {
    text += String(piece)
    if (text.length > 10_000) throw new Error('The body is too long.')
  }
  return text ? (JSON.parse(text) as Record<string, unknown>) : {}
}

async function close(server: Server, ledger: Ledger): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  ledger.close()
}
