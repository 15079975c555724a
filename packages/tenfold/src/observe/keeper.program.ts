/** Run as a program, `keeper <folder> <database>`: holds the embedded Postgres for as long as whoever started it has the other
 *  end of its standard input open. */
import { startEmbedded } from '../database/embedded/index.ts'
import { messageOf } from '../kernel/index.ts'
import type { KeeperSays } from './place.ts'

const [dataDir = '', database = ''] = process.argv.slice(2)
const say = (line: KeeperSays): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
process.stdout.on('error', () => {})

const left = new Promise<void>((resolve) => {
  process.stdin.on('end', resolve).on('error', () => resolve())
  process.stdin.resume()
})

try {
  const postgres = await startEmbedded({ dataDir, database })
  say({ url: postgres.adminUrl })
  await left
  await postgres.stop()
} catch (error) {
  say({ reason: messageOf(error).split('\n')[0] ?? '' })
  process.exitCode = 1
}
