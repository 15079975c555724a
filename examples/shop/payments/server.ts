/** The payment provider as a process: `node payments/server.ts`. Its first line of output is its URL.
 *  PORT, PAYMENTS_FILE, PAYMENTS_LATENCY_MS (`20-120`), PAYMENTS_FAILURE_RATE (`0` to `1`). */
import { startProvider } from './provider.ts'

const { PORT = '0', PAYMENTS_FILE, PAYMENTS_LATENCY_MS = '20-120', PAYMENTS_FAILURE_RATE = '0' } = process.env
const [atLeast = 20, atMost = atLeast] = PAYMENTS_LATENCY_MS.split('-').map(Number)
const provider = await startProvider({
  file: PAYMENTS_FILE ?? new URL('../.tenfold/payments.sqlite', import.meta.url).pathname,
  port: Number(PORT),
  latencyMs: [atLeast, atMost],
  failureRate: Number(PAYMENTS_FAILURE_RATE),
})
console.log(provider.url)

const stop = (): void => void provider.close().then(() => process.exit(0))
process.once('SIGTERM', stop).once('SIGINT', stop)
