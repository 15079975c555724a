import { defineError } from 'tenfold'

export const NoEndpoint = defineError('SHOP_NO_WEBHOOK', {
  status: 404,
  says: (e: { id: string }) => `There is no webhook ${e.id}.`,
  fix: 'GET /webhooks lists your own.',
})

export const PrivateAddress = defineError('SHOP_PRIVATE_ADDRESS', {
  status: 422,
  says: (e: { host: string }) => `'${e.host}' leads into a private network.`,
  fix: 'Give an address that can be reached from the internet.',
})

export const TooManyEndpoints = defineError('SHOP_TOO_MANY_WEBHOOKS', {
  status: 409,
  says: (e: { max: number }) => `There are ${e.max} webhooks already.`,
  fix: 'Delete one that is not needed any more.',
})

export const DeliveryFailed = defineError('SHOP_WEBHOOK_FAILED', {
  says: (e: { url: string; problem: string }) => `The webhook to ${e.url} failed: ${e.problem}.`,
  fix: 'It is tried again by itself.',
})

export const CrmFailed = defineError('SHOP_CRM_FAILED', {
  says: (e: { status: number }) => `The CRM answered ${e.status}.`,
  fix: 'It is tried again by itself; look at CRM_URL if it goes on.',
})
