import { defineError } from 'tenfold'

export const NoOrder = defineError('SHOP_NO_ORDER', {
  status: 404,
  says: (e: { id: string }) => `There is no order ${e.id}.`,
  fix: 'Look at GET /orders for your own.',
})

export const CartEmpty = defineError('SHOP_CART_EMPTY', {
  status: 422,
  says: () => 'There is nothing in the cart.',
  fix: 'Put something in with PUT /cart/:productId, or send `lines`.',
})

export const CartChanged = defineError('SHOP_CART_CHANGED', {
  status: 409,
  says: () => 'The cart was changed while it was being ordered.',
  fix: 'Look at the cart, and order again.',
})

export const CartFull = defineError('SHOP_CART_FULL', {
  status: 409,
  says: (e: { max: number }) => `More than ${e.max} different things do not fit in one cart.`,
  fix: 'Order these first, or take something out.',
})

export const NotSold = defineError('SHOP_NOT_SOLD', {
  status: 404,
  says: (e: { id: string }) => `Product ${e.id} is not sold here.`,
  fix: 'Search for it by name.',
})

export const OrderTooLarge = defineError('SHOP_ORDER_TOO_LARGE', {
  status: 422,
  says: (e: { max: number }) => `Orders over ${e.max / 100} euros are not taken online.`,
  fix: 'Split the order.',
})

export const KeyReused = defineError('SHOP_IDEMPOTENCY_KEY_REUSED', {
  status: 422,
  says: () => 'This `Idempotency-Key` belongs to another order.',
  fix: 'Take a new key for a new order.',
})

export const KeyTaken = defineError('SHOP_IDEMPOTENCY_KEY_TAKEN', {
  status: 409,
  says: () => 'The same order is being placed at this moment.',
  fix: 'Repeat the request with the same key: it gives that order.',
})

export const NotRefundable = defineError('SHOP_NOT_REFUNDABLE', {
  status: 409,
  says: (e: { state: string }) => `An order that is '${e.state}' cannot be refunded.`,
  fix: 'Only paid orders can be refunded.',
})

export const NoExport = defineError('SHOP_NO_EXPORT', {
  status: 404,
  says: (e: { id: string }) => `There is no export ${e.id}.`,
  fix: 'Begin one with POST /admin/exports.',
})
