/** Requests at a constant rate, whatever becomes of those before; each has its own number, so that each is accounted for. */
import { Agent, request } from 'node:http'

export interface Sent {
  /** Numbers of visits that were acknowledged. */
  written: number[]
  sent: number
  /** What came instead of an answer below 400, and how often. */
  lost: Record<string, number>
  /** Answers by the release that gave them. */
  releases: Record<string, number>
  /** Milliseconds, from when each was to be sent. */
  ms: number[]
}

export interface Load {
  readonly sent: Sent
  end(): Promise<Sent>
}

/** Half of them POST, half GET; half of them over kept connections, half over new ones. */
export function startLoad(url: string, perSecond: number, firstId: number): Load {
  const sent: Sent = { written: [], sent: 0, lost: {}, releases: {}, ms: [] }
  const kept = new Agent({ keepAlive: true, maxSockets: 64 })
  const running = new Set<Promise<void>>()
  const startedAt = performance.now()
  let next = 0

  const send = (i: number): Promise<void> =>
    new Promise((resolve) => {
      const due = startedAt + (i * 1000) / perSecond
      const id = firstId + i
      const post = i % 2 === 0
      const done = (status: number | string, text = ''): void => {
        sent.ms.push(performance.now() - due)
        if (typeof status === 'number' && status < 400) {
          const { release } = JSON.parse(text) as { release: string }
          sent.releases[release] = (sent.releases[release] ?? 0) + 1
          if (post) sent.written.push(id)
        } else {
          // What the app says itself (TF_…) is another thing than what a balancer says about it.
          const what = `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ''}`.trim()
          sent.lost[what] = (sent.lost[what] ?? 0) + 1
        }
        resolve()
      }
      const asking = request(
        post ? `${url}/visits` : `${url}/visits/${id - 1}`,
        {
          method: post ? 'POST' : 'GET',
          agent: i % 4 < 2 ? kept : false,
          headers: post ? { 'content-type': 'application/json' } : {},
          timeout: 30_000,
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (part: string) => (text += part))
          answer.on('end', () => done(answer.statusCode!, text))
          answer.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
        },
      )
      asking.on('timeout', () => asking.destroy(new Error('no answer in 30 s')))
      asking.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
      asking.end(post ? JSON.stringify({ id }) : undefined)
    })

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1000)
    while (next < due) {
      sent.sent++
      const one = send(next++).finally(() => running.delete(one))
      running.add(one)
    }
  }, 5)

  return {
    sent,
    async end() {
      clearInterval(timer)
      await Promise.all(running)
      kept.destroy()
      return sent
    },
  }
}
