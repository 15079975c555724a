/** The request that is measured: an order of the shop, its eight fields checked on the way in, its reply typed on the way out. */
import { randomUUID } from 'node:crypto'

export const USERS = 64

export const ORDER = {
  card: 'tok_visa',
  lines: [{ productId: '0199d3c4-1111-7000-8000-000000000001', quantity: 2 }],
  address: { name: 'Ada Lovelace', street: '12 St James Square', postcode: 'SW1Y 4JH', city: 'London', country: 'GB' },
}
export type Order = typeof ORDER

/** What a handler does, the same in every server: no database, so that the request path is all there is. */
export function place(order: Order, userId: string): object {
  const lines = order.lines.map(({ productId, quantity }) => ({ productId, name: 'Mug', price: 1250, quantity }))
  return {
    id: randomUUID(),
    state: 'placed',
    failure: null,
    total: lines.reduce((sum, line) => sum + line.price * line.quantity, 0),
    placedAt: new Date().toISOString(),
    paidAt: null,
    lines,
    address: order.address,
    /** Not in the reply's schema: who serialises by one leaves it out. */
    userId,
  }
}

const text = (max: number) => ({ type: 'string', minLength: 1, maxLength: max })
const UUID = { type: 'string', format: 'uuid' }

const ADDRESS = {
  type: 'object',
  required: ['name', 'street', 'postcode', 'city', 'country'],
  additionalProperties: false,
  properties: {
    name: text(100),
    street: text(200),
    postcode: text(20),
    city: text(100),
    country: { type: 'string', pattern: '^[A-Z]{2}$' },
  },
}

export const BODY_SCHEMA = {
  type: 'object',
  required: ['card', 'lines', 'address'],
  additionalProperties: false,
  properties: {
    card: { type: 'string', pattern: '^tok_[a-z0-9_]{1,40}$' },
    lines: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: {
        type: 'object',
        required: ['productId', 'quantity'],
        additionalProperties: false,
        properties: { productId: UUID, quantity: { type: 'integer', minimum: 1, maximum: 100 } },
      },
    },
    address: ADDRESS,
  },
}

const LINE = {
  productId: { type: 'string' },
  name: { type: 'string' },
  price: { type: 'integer' },
  quantity: { type: 'integer' },
}

export const REPLY_SCHEMA = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    state: { type: 'string' },
    failure: { type: ['string', 'null'] },
    total: { type: 'integer' },
    placedAt: { type: 'string' },
    paidAt: { type: ['string', 'null'] },
    lines: { type: 'array', items: { type: 'object', properties: LINE } },
    address: ADDRESS,
  },
}
