/** `node --import tenfold/observe server.js`: shows what an existing app does, without a change of its code.
 *
 *    here         hooks that cost nothing yet: node:http, pg, postgres, Fastify, Hono      (before the app is loaded)
 *    on "listen"  the rest is loaded: telemetry, the store, the console                    (beside the app)
 *
 *  O1  The app does what it does without: its answers, errors, exit code and signals are its own, and no timer or socket of
 *      ours keeps it alive.
 *  O2  What fails here ends the observation of one thing, never a request.
 *  O3  Nothing that leaves the process holds values of statements, bodies or query strings.
 *
 *  This file is read by whatever Node.js the app runs on, so that it imports nothing before it has looked. */
import { isMainThread } from 'node:worker_threads'

const off = /^(?:off|false|0|no)$/i.test(process.env.TENFOLD_OBSERVE ?? '')
if (!off && isMainThread) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 15)) {
    try {
      const { begin } = await import('./begin.ts')
      begin(process.env)
    } catch (error) {
      process.stderr.write(`tenfold: nothing is observed: ${String(error)}\n`)
    }
  } else {
    process.stderr.write(
      `tenfold: nothing is observed: Node.js 22.15 or newer is needed, this is ${process.versions.node}.\n`,
    )
  }
}
