import { defineError } from 'tenfold'

export const NoEndpoint = defineError('SHOP_NO_WEBHOOK', {
  status: 404,
  says: (e: { id: string }) => `There is no webhook ${e.id}.`,
  fix: 'GET /webhooks lists your own.',
})

export const TooManyEndpoints = defineError('SHOP_TOO_MANY_WEBHOOKS', {
  status: 409,
  says: (e: { max: number }) => `There are ${e.max} webhooks already.`,
  fix: 'Delete one that is not needed any more.',
})

export const CrmFailed = defineError('SHOP_CRM_FAILED', {
  says: (e: { status: number }) => `The CRM answered ${e.status}.`,
  fix: 'It is tried again by itself; look at CRM_URL if it goes on.',
})
