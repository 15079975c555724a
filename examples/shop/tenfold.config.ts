import { config } from 'tenfold'

export default config({
  app: './app.ts',
  seed: './seed.ts',
  // What visitors do in the storefront: its pages load `/_e.js`.
  analytics: { browser: true },
  // In development there is a payment provider of our own, in a process of its own.
  companions: { PAYMENTS_URL: './payments/server.ts' },
})
