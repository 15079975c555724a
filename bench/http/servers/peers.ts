/** What every server program shares: the peers' folder, the sessions, the line that says where it listens. */
import { hash, randomBytes } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'

/** The peers are not among our dependencies, so their types are not here either. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Peer = any

export async function loadPeers(): Promise<(specifier: string) => Promise<Peer>> {
  const { load } = (await import(pathToFileURL(join(process.env.PEERS!, 'load.js')).href)) as {
    load(specifier: string): Promise<Peer>
  }
  return load
}

export const FEATURES = new Set((process.env.FEATURES ?? '').split(','))

export interface MemorySessions {
  create(userId: string): string
  userOf(token: string | undefined): string | undefined
}

/** Tokens are hashed at rest, as they would be in a shared store. */
export function memorySessions(): MemorySessions {
  const users = new Map<string, string>()
  const hashOf = (token: string): string => hash('sha256', token, 'base64url')
  return {
    create(userId) {
      const token = randomBytes(24).toString('base64url')
      users.set(hashOf(token), userId)
      return token
    },
    userOf: (token) => (token === undefined ? undefined : users.get(hashOf(token))),
  }
}

export const KEY = 'a secret key for a benchmark, and nothing else'
export const COOKIE = 'session'

/** Tells the benchmark the port, and ends with it. */
export function announce(port: number): void {
  process.stderr.write(`listening on ${port}\n`)
  process.stdin.resume().on('end', () => process.exit())
}
