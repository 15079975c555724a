/** A process that uses the server of a folder until its standard input ends: for tests that kill it.
 *  Prints `{ pid, port, startedFresh }`, or `{ code }` when it cannot. */
import { startEmbedded } from './embedded.ts'

try {
  const server = await startEmbedded({ dataDir: process.argv[2]!, database: 'shop' })
  console.log(JSON.stringify({ pid: server.pid, port: server.port, startedFresh: server.startedFresh }))
  for await (const _ of process.stdin);
  await server.stop()
} catch (error) {
  console.log(JSON.stringify({ code: (error as { code?: string }).code, message: (error as Error).message }))
}
