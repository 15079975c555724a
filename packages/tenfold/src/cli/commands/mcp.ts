import { createInterface } from 'node:readline'
import { adviseLive, viewOf } from '../../advisor/index.ts'
import { messageOf, TenfoldError } from '../../kernel/index.ts'
import manifest from '../../../package.json' with { type: 'json' }
import type { Command, Invocation } from '../command.ts'
import { answerLine, type Tool } from '../mcp/protocol.ts'
import { withEvidence } from './advise.ts'

export const mcp: Command = {
  examples: ['tenfold mcp', 'tenfold mcp --config apps/shop/tenfold.config.ts'],
  async run({ flags, output }) {
    const server = { name: 'tenfold', version: manifest.version, tools: toolsOf(flags), messageOf: explained }
    for await (const line of createInterface({ input: process.stdin })) {
      if (line.trim() === '') continue
      const answer = await answerLine(line, server)
      if (answer !== undefined) output.line(answer)
    }
    return 0
  },
}

function toolsOf(flags: Invocation['flags']): Tool[] {
  const inputSchema = {
    type: 'object',
    properties: { minutes: { type: 'number', minimum: 1, maximum: 60, description: 'how far to look back' } },
  }
  const ask = <T>(args: Record<string, unknown>, use: Parameters<typeof withEvidence<T>>[1]): Promise<T> =>
    withEvidence({ ...flags, ...(args['minutes'] !== undefined && { minutes: JSON.stringify(args['minutes']) }) }, use)
  return [
    {
      name: 'advise',
      description: 'What limits the app now, how much room is left, and the one next step, with its evidence.',
      inputSchema,
      run: (args) => ask(args, async (found, db) => viewOf(await adviseLive(db, found))),
    },
    {
      name: 'findings',
      description: 'All that was found to be worth putting right, each with its step and what speaks against it.',
      inputSchema,
      run: (args) => ask(args, async (found, db) => viewOf(await adviseLive(db, found)).findings),
    },
    {
      name: 'evidence',
      description: 'The measurements that the advice is made of, as `tenfold evidence` prints them.',
      inputSchema,
      run: (args) => ask(args, async (found) => found),
    },
  ]
}

function explained(error: unknown): string {
  return error instanceof TenfoldError ? `${error.code}: ${error.message} ${error.fix}` : messageOf(error)
}
