import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { basename, extname, resolve } from 'node:path'
import manifest from '../../../package.json' with { type: 'json' }
import { loadScript, startRecorder, type Recorder } from '../../record/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue } from '../errors.ts'
import { numberOf } from '../stages.ts'

/** How often the file is written while it grows: whoever is killed loses no more. */
const SAVE_MS = 5000

export const record: Command = {
  args: '[-- <command>]',
  maxArgs: Infinity,
  options: {
    url: {
      type: 'string',
      value: '<url>',
      about: 'the app that runs already (default: http://127.0.0.1 with PORT, else 3000)',
    },
    port: { type: 'string', value: '<n>', about: 'where to connect instead (default: a free one)' },
    out: { type: 'string', value: '<file>', about: 'the HTTP archive (default: recorded.har)' },
    load: { type: 'string', value: '<file>', about: 'write a scenario for tenfold load, too' },
    limit: {
      type: 'string',
      value: '<MB>',
      about: 'how large the archive may grow (default: 20); more passes, and is not kept',
    },
  },
  examples: [
    'tenfold record',
    'tenfold record --url http://127.0.0.1:8080 --port 4000',
    'tenfold record -- node server.js',
    'tenfold record --out shop.har --load load/shop.ts',
  ],
  async run({ args, flags, output }) {
    const file = resolve(typeof flags.out === 'string' ? flags.out : 'recorded.har')
    const mostBytes = numberOf('--limit', flags.limit ?? '20') * 1024 * 1024
    const port = flags.port === undefined ? 0 : numberOf('--port', flags.port)
    const app = args.length > 0 ? await startApp(args) : undefined
    const target = app?.url ?? targetOf(flags)
    try {
      const recorder = await startRecorder({ target, port, mostBytes, version: manifest.version })
      const save = (): Promise<void> => writeFile(file, JSON.stringify(recorder.archive(), null, 1))
      const timer = setInterval(() => void save(), SAVE_MS)
      output.error(`Recording ${target}: open ${output.paint('bold', recorder.url)}. Ctrl-C ends it.`)
      try {
        await Promise.race([stopped(), app?.ended])
      } finally {
        clearInterval(timer)
        await recorder.close()
        await save()
      }
      if (typeof flags.load === 'string')
        await writeFile(flags.load, loadScript(recorder.archive(), basename(flags.load, extname(flags.load))))
      output.show({ file, ...recorder.counts }, () => tell(recorder, file, output))
      return recorder.counts.kept > 0 ? 0 : 1
    } finally {
      app?.child.kill('SIGTERM')
      await app?.ended
    }
  },
}

function tell({ counts }: Recorder, file: string, { line, paint }: Invocation['output']): void {
  const { kept, users, dropped, bodiesLeftOut, unknown } = counts
  line(`${kept} requests of ${users === 1 ? 'one person' : `${users} people`}  ${paint('grey', file)}`)
  const notes = [
    dropped > 0 && `${dropped} came after the archive was full: --limit makes it larger.`,
    bodiesLeftOut > 0 && `${bodiesLeftOut} bodies are no text or too large, and are not in it.`,
    unknown.sessions > 0 &&
      `${unknown.sessions} people had signed in before: record from the sign-in on, or they will not be signed in.`,
    unknown.tokens > 0 &&
      `${unknown.tokens} requests had a token that was not given out meanwhile; it is not in the file.`,
    unknown.replaced > 0 &&
      `${unknown.replaced} passwords and the like were replaced, the same by the same: accounts have to be made in the recording, or with these.`,
  ]
  for (const note of notes) if (note) line(paint('yellow', `  ${note}`))
  if (kept > 0) line(paint('grey', `  tenfold twin --har ${basename(file)} -- <command>`))
}

/** Resolves at Ctrl-C or SIGTERM. */
function stopped(): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      process.off('SIGINT', end).off('SIGTERM', end)
      done()
    }
    process.on('SIGINT', end).on('SIGTERM', end)
  })
}

function targetOf({ url }: Invocation['flags']): string {
  const given = typeof url === 'string' ? url : `http://127.0.0.1:${process.env.PORT ?? 3000}`
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return new URL(given).origin
  throw BadOptionValue({ option: '--url', value: given, allowed: 'an address such as http://127.0.0.1:3000' })
}

/** The app, on a free port in PORT. What it prints goes where ours goes. */
async function startApp(
  command: readonly string[],
): Promise<{ url: string; child: ChildProcess; ended: Promise<void> }> {
  const port = await freePort()
  const [program = '', ...args] = command.map((word) => word.replaceAll('{port}', String(port)))
  const child = spawn(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PORT: String(port) },
  })
  const ended = new Promise<void>((done, fail) => {
    child.once('exit', () => done()).once('error', (error) => fail(error))
  })
  return { url: `http://127.0.0.1:${port}`, child, ended }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
