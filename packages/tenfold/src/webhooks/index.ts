/** Ring 6, `tenfold/webhooks`: webhooks out and in, as parts of a module. */
export { administerWebhooks, hasWebhooks, type WebhookAdmin } from './administer.ts'
export type { Deliveries, Replay } from './deliveries.ts'
export type { Disabled } from './deliver.ts'
export type { Endpoints, NewEndpoint, Which } from './endpoints.ts'
export * from './errors.ts'
export type { ReceiveOptions } from './receive.ts'
export type { SendOptions, Sent } from './send.ts'
export {
  newWebhookSecret,
  signWebhook,
  verifyWebhook,
  type Incoming,
  type Signable,
  type VerifyOptions,
  type WebhookHeaders,
} from './sign.ts'
export type { Delivery, Endpoint, WebhookContext } from './store.ts'
export { webhooks, type WebhookEvents, type WebhookOptions, type Webhooks } from './webhooks.ts'
