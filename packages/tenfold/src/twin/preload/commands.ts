import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Command, Orders } from '../evidence.ts'
import type { Held } from './requests.ts'
import type { Timers } from './timers.ts'
import type { Witness } from './witness.ts'

/** Takes commands from the one who runs the test. The connection keeps no process alive. */
export function listenToCommands(
  witness: Witness,
  { socket: path }: Orders,
  { timers, held }: { timers: Timers; held: Held },
): void {
  const socket = witness.quietly(() => connect(path))
  socket.unref()
  socket.on('error', () => {})
  socket.write(`${JSON.stringify({ pid: process.pid })}\n`)
  const lines = createInterface({ input: socket }).on('error', () => {})
  lines.on('line', (line) => {
    const command = JSON.parse(line) as Command
    void obey(command).finally(() => socket.write(`${JSON.stringify({ done: command.id })}\n`))
  })
  const obey = async (command: Command): Promise<void> => {
    if (command.do === 'release') held.release()
    if (command.do === 'advance') await timers.advance(command)
  }
}
