import { config } from 'tenfold'

export default config({
  app: './app.ts',
  seed: './seed.ts',
  alerts: {
    rules: [
      {
        name: 'orders-failing',
        severity: 'page',
        says: 'Only {percent} of the orders are paid.',
        todo: 'See the log of billing, and whether the payment provider answers.',
        when: {
          metric: 'orders.order_success_rate',
          take: 'success',
          below: 0.7,
          until: 0.8,
          over: '15m',
          atLeast: 20,
        },
        for: '2m',
      },
      {
        name: 'fraud',
        severity: 'warn',
        says: '{percent} of the orders look like fraud.',
        todo: 'See which accounts they come from.',
        when: { metric: 'billing.fraud_rate', take: 'success', above: 0.2, over: '1h', atLeast: 20 },
      },
    ],
    channels: { chat: { kind: 'slack', url: process.env.SLACK_URL } },
  },
  // Where there is a Redis, these run on it: they may wait for it, unlike a charge or a receipt.
  queue: { jobs: { 'media.resize': 'redis', 'notifications.sync-crm': 'redis' } },
  // What visitors do in the storefront: its pages load `/_e.js`.
  analytics: { browser: true },
  // In development there is a payment provider of our own, in a process of its own.
  companions: { PAYMENTS_URL: './payments/server.ts' },
})
