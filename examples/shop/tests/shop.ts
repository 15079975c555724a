/** The shop on a database of its own, with a payment provider and a mail server that can be looked into. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { startTestApp, type TestApp, type TestAppOptions } from 'tenfold/testing'
import app from '../app.ts'
import shopConfig from '../tenfold.config.ts'
import { hashPassword } from '../modules/auth/passwords.ts'
import type { AuthTables } from '../modules/auth/tables.gen.ts'
import type { CatalogTables } from '../modules/catalog/tables.gen.ts'
import { startProvider, type Provider } from '../payments/provider.ts'
import { startMailbox, type Mailbox } from './mailbox.ts'
import { visitor, type Visitor } from './visitor.ts'

export interface Shop {
  app: TestApp
  provider: Provider
  mailbox: Mailbox
  /** What another process needs to be an instance of this very shop. */
  variables: Record<string, string>
  /** Somebody with a browser of their own. */
  visitor(): Visitor
  /** A visitor who has signed up, under a new address. */
  customer(name?: string): Promise<Visitor>
  admin(): Promise<Visitor>
  product(values?: Partial<{ name: string; category: string; price: number; stock: number }>): Promise<string>
  stockOf(product: string): Promise<number>
  close(): Promise<void>
}

export interface ShopOptions {
  failureRate?: number
  variables?: Record<string, string>
  /** Defaults to web and worker. */
  roles?: TestAppOptions['roles']
  config?: TestAppOptions['config']
  via?: TestAppOptions['via']
}

/** How statements get to the server: a pooler in transaction mode keeps no session. */
export const WAYS: readonly ('direct' | 'pgbouncer')[] = existsSync('/usr/sbin/pgbouncer')
  ? ['direct', 'pgbouncer']
  : ['direct']

export async function openShop({
  failureRate = 0,
  roles = ['web', 'worker'],
  via,
  ...given
}: ShopOptions = {}): Promise<Shop> {
  const provider = await startProvider({ file: ':memory:', latencyMs: [1, 5], failureRate })
  const mailbox = await startMailbox()
  const variables = {
    PAYMENTS_URL: provider.url,
    PAYMENTS_TIMEOUT_MS: '300',
    SMTP_URL: mailbox.url,
    ALLOW_PRIVATE_WEBHOOKS: '1',
    ...given.variables,
  }
  const closeOthers = async (): Promise<void> => void (await Promise.all([provider.close(), mailbox.close()]))
  // Where other instances run beside it, all have to keep their jobs in the same place.
  const { queue } = shopConfig
  const config = { ...(queue && { queue }), ...given.config }
  const test = await startTestApp(app, { roles, variables, config, ...(via && { via }) }).catch(
    async (error: unknown) => {
      await closeOthers() // or they would keep the process alive
      throw error
    },
  )
  const products = test.db<CatalogTables>('catalog')
  return {
    app: test,
    provider,
    mailbox,
    variables: {
      ...variables,
      DATABASE_URL: test.instance.environment.databaseUrl!,
      SECRET_KEY: test.instance.environment.secretKey!,
    },
    visitor: () => visitor(test.url),

    async customer(name = 'Carla Customer') {
      const customer = visitor(test.url)
      const email = `${randomUUID()}@mail.example`
      const { status, body } = await customer.post('/users', { email, name, password: 'a long password' })
      if (status !== 201) throw new Error(`sign-up: ${status} ${JSON.stringify(body)}`)
      return Object.assign(customer, { email })
    },

    async admin() {
      const email = 'admin@shop.example'
      const password_hash = await hashPassword('an admin password')
      await test
        .db<AuthTables>('auth')
        .insertInto('users')
        .values({ email, name: 'Ada Admin', role: 'admin', password_hash })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const admin = visitor(test.url)
      await admin.post('/sessions', { email, password: 'an admin password' })
      return Object.assign(admin, { email })
    },

    async product(values = {}) {
      const { id } = await products
        .insertInto('products')
        .values({
          sku: `SKU-${randomUUID()}`,
          name: 'Blue mug',
          description: 'Holds coffee.',
          category: 'Kitchen',
          price: 1250,
          stock: 100,
          ...values,
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      return id
    },

    async stockOf(product) {
      const row = await products
        .selectFrom('products')
        .select('stock')
        .where('id', '=', product)
        .executeTakeFirstOrThrow()
      return row.stock
    },

    async close() {
      await test.close()
      await closeOthers()
    },
  }
}

export const ADDRESS = {
  name: 'Carla Customer',
  street: 'High Street 1',
  postcode: '10115',
  city: 'Berlin',
  country: 'DE',
}

export function orderOf(product: string, quantity = 1, card = 'tok_visa') {
  return { lines: [{ productId: product, quantity }], card, address: ADDRESS }
}

export function newKey(): { 'idempotency-key': string } {
  return { 'idempotency-key': randomUUID() }
}

/** Waits until it is so. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`After ${timeoutMs} ms still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
