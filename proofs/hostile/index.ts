/** What is not well meant: each request has a bounded cost and a clear answer below 500, and the server goes on. */
import { startServer } from '../../bench/http/processes.ts'
import { startBalancer } from '../../packages/tenfold/src/deploy/testing/index.ts'
import { fuzzer } from '../../packages/tenfold/src/http/testing/fuzz.ts'
import type { Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { Lane, talk } from './attack.ts'
import { shapes, SMUGGLED } from './shapes.ts'

export default {
  name: 'hostile',
  about:
    'a million broken bodies and URLs, smuggling shapes (also through nginx and HAProxy) and silent connections: answered below 500, at bounded cost',
  options: { cases: 'of the fuzz run; 1,000,000 unless --quick, then 20,000', seed: 'of the fuzz run, to repeat one' },
  run,
} satisfies Claims

interface State {
  smuggled: number
  unhandled: number
  polluted: number
  memory: number
}

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const cases = Number(set.cases ?? (quick ? 20_000 : 1_000_000))
  const seed = Number(set.seed ?? Date.now() % 1_000_000)
  const server = await startServer(new URL('./server.program.ts', import.meta.url).href, {})
  try {
    const state = async (): Promise<State> =>
      (await (await fetch(`http://127.0.0.1:${server.port}/state`)).json()) as State
    await fuzz(server.port, Math.min(2000, cases), seed + 1, signal)
    const before = await state()

    log(`fuzz with seed ${seed}`)
    const started = performance.now()
    const { statuses, bad } = await fuzz(server.port, cases, seed, signal)
    const seconds = (performance.now() - started) / 1000
    log('smuggling shapes')
    const control = (await talk(server.port, `${SMUGGLED}${SMUGGLED}`, 1000)).split('"smuggled"').length - 1
    const tried = [...(await smuggle(server.port)), ...(await smuggle(server.port, PLAIN))]
    const behind = []
    for (const kind of BALANCERS) {
      log(`smuggling shapes through ${kind}`)
      behind.push(await throughBalancer(kind, server.port, state))
    }
    log('silent connections')
    const silent = await silence(server.port, quick ? 1000 : 10_000)
    const after = await state()
    const grown = (after.memory - before.memory) / 1024 / 1024

    const wrong = tried.filter(({ held }) => !held)
    const every = [200, 400, 404, 415].every((status) => statuses.has(status))
    return {
      claims: [
        claim('fuzzed requests answered with a status below 500', cases, cases - bad.length, bad.length === 0),
        claim(
          'all kinds of answers were met, so that the cases say something',
          '200, 400, 404, 415',
          [...statuses.keys()].toSorted((a, b) => a - b).join(', '),
          every,
        ),
        claim(
          'smuggling shapes refused, or taken for one request',
          tried.length,
          tried.length - wrong.length,
          wrong.length === 0,
        ),
        claim('requests for the same path that are seen when they are not smuggled', 2, control, control === 2),
        claim('requests that were smuggled in', 0, after.smuggled - control, after.smuggled === control),
        ...behind.map(({ kind, smuggled, mixedUp, failed, shapes: all }) =>
          claim(
            `smuggling shapes through ${kind}: smuggled in, others who got a wrong answer, answers from 500 on`,
            `0, 0, 0 of ${all}`,
            `${smuggled}, ${mixedUp}, ${failed}`,
            smuggled + mixedUp + failed === 0,
          ),
        ),
        claim(
          'others are answered while connections stay silent, ms',
          'at most 1000',
          Math.round(silent.slowest),
          silent.slowest <= 1000,
        ),
        claim('silent connections closed in time', silent.opened, silent.closed, silent.closed === silent.opened),
        claim(
          'unhandled rejections, polluted prototypes',
          0,
          after.unhandled + after.polluted,
          after.unhandled + after.polluted === 0,
        ),
        claim('memory grown by, MB', 'at most 200', Math.round(grown), grown <= 200),
      ],
      rows: [
        ...[...statuses].map(([status, n]): Row => ({ what: `fuzz: answered ${status}`, number: n })),
        { what: 'fuzz: cases a second', number: Math.round(cases / seconds) },
        { what: 'fuzz: seed', number: seed },
        ...bad.slice(0, 10).map((what): Row => ({ what, number: 1 })),
        ...tried.map(({ name, said }): Row => ({ what: name, number: said })),
      ],
    }
  } finally {
    await server.stop()
  }
}

const BALANCERS = ['nginx', 'haproxy'] as const

/** Balancer and app must see the same requests: else somebody's request is taken for the rest of another one's, or somebody gets
 *  the answer to it. After each shape others ask over the same kept connections to the app. */
async function throughBalancer(kind: (typeof BALANCERS)[number], port: number, state: () => Promise<State>) {
  const instances = [{ name: 'app', host: '127.0.0.1', port }]
  const balancer = await startBalancer(kind, { app: 'hostile', instances })
  const before = (await state()).smuggled
  let mixedUp = 0
  let failed = 0
  try {
    for (const [n, { bytes }] of shapes().entries()) {
      const answer = await talk(balancer.port, bytes, 300)
      // A method or a transfer coding that is unknown to the balancer: its own 501 is an answer.
      if (/HTTP\/1\.[01] 5(?!01|05)\d\d/.test(answer)) failed++
      const words = Array.from({ length: 4 }, (_, i) => `word-${n}-${i}`)
      const echoed = await Promise.all(
        words.map((word) => fetch(`${balancer.url}/echo/${word}`).then((reply) => reply.text())),
      )
      mixedUp += echoed.filter((text, i) => !text.includes(`"${words[i]}"`)).length
    }
  } finally {
    await balancer.stop()
  }
  return { kind, shapes: shapes().length, smuggled: (await state()).smuggled - before, mixedUp, failed }
}

function claim(text: string, goal: string | number, value: string | number, holds: boolean) {
  return { claim: text, goal, value, holds }
}

async function fuzz(port: number, cases: number, seed: number, signal: AbortSignal) {
  const next = fuzzer(seed)
  const statuses = new Map<number, number>()
  const bad: string[] = []
  let left = cases
  const drive = async (): Promise<void> => {
    const lane = new Lane(port)
    while (left-- > 0 && !signal.aborted) {
      const { path, body, type } = next()
      const status = await lane.ask(path, type, body)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 0 || status >= 500)
        bad.push(`${status} for ${type} ${JSON.stringify(path)} ${JSON.stringify(body)}`)
    }
    lane.close()
  }
  await Promise.all(Array.from({ length: 32 }, drive))
  signal.throwIfAborted()
  return { statuses, bad }
}

/** What the server takes the short way, so that another part of it reads what comes behind. */
const PLAIN = 'GET /echo/plain HTTP/1.1\r\nHost: a\r\n\r\n'

/** Held: refused with a 4xx and the connection closed, or answered once, with the smuggled request as its body.
 *  @param first a request that comes before each, and is answered 200 */
async function smuggle(port: number, first = ''): Promise<{ name: string; said: string; held: boolean }[]> {
  return Promise.all(
    shapes().map(async ({ name, bytes }) => {
      const answer = await talk(port, first + bytes, 4000)
      const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
      const answered = first === '' || statuses.shift() === 200
      const refused = statuses.every((status) => status < 500) && statuses.length <= 1
      const held = answered && refused && !answer.includes('"smuggled"')
      return { name: first ? `${name}, after a plain request` : name, said: statuses.join(' ') || 'closed', held }
    }),
  )
}

/** Connections that send half a request line or nothing, and how long someone else waits meanwhile. */
async function silence(port: number, wanted: number): Promise<{ opened: number; closed: number; slowest: number }> {
  let closed = 0
  const all = Array.from({ length: wanted }, (_, n) =>
    talk(port, n % 2 === 0 ? 'GET /files' : '', 30_000).then(() => closed++),
  )
  const done = Promise.all(all)
  let slowest = 0
  while (closed < wanted) {
    const start = performance.now()
    await fetch(`http://127.0.0.1:${port}/health/live`)
    slowest = Math.max(slowest, performance.now() - start)
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 50))])
  }
  return { opened: wanted, closed, slowest }
}
