import { defineError } from 'tenfold'

export const ProviderAway = defineError('SHOP_PAYMENTS_AWAY', {
  status: 503,
  says: (e: { reason: string }) => `The payment provider did not answer: ${e.reason}.`,
  fix: 'Try again with the same order: it is charged once, whatever happened to the lost request.',
})

export const ProviderRefused = defineError('SHOP_PAYMENTS_REFUSED', {
  says: (e: { status: number; answer: string }) => `The payment provider refused with ${e.status}: ${e.answer}`,
  fix: 'This is a fault in our request, not in the payment; repeating it does not help.',
})

export const NotCharged = defineError('SHOP_NOT_CHARGED', {
  status: 409,
  says: (e: { orderId: string }) => `Order ${e.orderId} was not charged, so there is nothing to give back.`,
  fix: 'Wait until it is paid.',
})
