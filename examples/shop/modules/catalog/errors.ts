import { defineError } from 'tenfold'

export const NoProduct = defineError('SHOP_NO_PRODUCT', {
  status: 404,
  says: (e: { id: string }) => `There is no product ${e.id}.`,
  fix: 'It may have been withdrawn: search for it by name.',
})

export const OutOfStock = defineError('SHOP_OUT_OF_STOCK', {
  status: 409,
  says: (e: { product: string; left: number }) => `Only ${e.left} of '${e.product}' are left.`,
  fix: 'Order fewer, or try again later.',
})

export const ReservationOver = defineError('SHOP_RESERVATION_OVER', {
  status: 409,
  says: (e: { reservation: string }) => `Reservation ${e.reservation} has been released.`,
  fix: 'Begin a new order.',
})

export const SkuTaken = defineError('SHOP_SKU_TAKEN', {
  status: 409,
  says: (e: { sku: string }) => `There is a product with the SKU ${e.sku}.`,
  fix: 'Change that product, or take another SKU.',
})

export const BadCursor = defineError('SHOP_BAD_CURSOR', {
  status: 400,
  says: () => '`after` is not the `next` of an earlier page with the same sorting.',
  fix: 'Begin without `after`, and pass `next` on as it came.',
})
