/** A server whose behaviour is known: what load has to find in it. Prints its port.
 *  `freeze`: does nothing for 200 ms of every 2 s. `lane`: one after the other, 10 ms each, so 100 a second at the most; the
 *  times are reckoned, so that late timers do not make it slower. `delay <ms>`: each answer after that time. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [kind = 'delay', ms = '0'] = process.argv.slice(2)
const SERVICE_MS = 10

function main(): void {
  let free = 0
  const server = createServer((request, response) => {
    const now = performance.now()
    free = Math.max(now, free) + SERVICE_MS
    const after = kind === 'lane' ? free - now : Number(ms)
    const answer = (): void => {
      const status = request.url === '/broken' ? 500 : 200
      response.writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'seen=yes; Path=/' })
      response.end(JSON.stringify({ path: request.url, cookie: request.headers.cookie ?? null }))
    }
    if (after > 0) setTimeout(answer, after)
    else answer()
  })
  if (kind === 'freeze') {
    setInterval(() => {
      const until = performance.now() + 200
      while (performance.now() < until);
    }, 2000)
  }
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit())
}

main()
