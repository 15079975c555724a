/** The web console: pages and an API to look at a running app, on a port of its own. */
export { createConsole, type Console, type ConsoleOptions } from './console.ts'
export type { ConsoleAccess } from './access.ts'
export type { IndexAdvice, IndexAdvisor } from './indexes.ts'
export type { SentWebhooks, WebhookDeliveryRow, WebhookEndpointRow } from './webhooks.ts'
export type { ConsoleSource } from './source.ts'
export * from './errors.ts'
