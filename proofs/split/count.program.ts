/** Loaded before a test: counts the calls between modules that this process has sent, and can lose their answers. */
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'

const counted = { calls: 0 }

interface Sent {
  request: { path: string; abort?(error: Error): void }
}

subscribe('undici:request:headers', (message) => {
  const { request } = message as Sent
  if (!request.path.startsWith('/_tenfold/calls/')) return
  counted.calls++
  if (process.env['LOSE_ANSWERS']) request.abort?.(new Error('lost on purpose'))
})
process.on('exit', () => {
  const file = process.env['CALLS_FILE']
  if (file && counted.calls > 0) appendFileSync(file, `${counted.calls}\n`)
})
