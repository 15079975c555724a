import { argon2, randomBytes, timingSafeEqual, type Argon2Parameters } from 'node:crypto'
import { promisify } from 'node:util'

/** OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }

const derive = promisify((options: Argon2Parameters, done: (error: Error | null, key: Buffer) => void) =>
  argon2('argon2id', options, done),
)

/** A new hash in PHC form: the cost stands in it, so it can be raised later without losing old passwords. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const key = await derive({ message: password, nonce, ...COST })
  const cost = `m=${COST.memory},t=${COST.passes},p=${COST.parallelism}`
  return `$argon2id$v=19$${cost}$${unpadded(nonce)}$${unpadded(key)}`
}

/** Whether the password belongs to the hash. Without a hash (nobody has that address) it takes just as long and says no. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const { nonce, key, ...cost } = parse(hash ?? NOBODY)
  const given = await derive({ message: password, nonce, ...cost, tagLength: key.length })
  return timingSafeEqual(given, key) && hash !== undefined
}

const NOBODY = `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`

function parse(hash: string) {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(hash)
  if (!match) throw new Error('This is not a password hash of ours.')
  const [memory, passes, parallelism] = match.slice(1, 4).map(Number) as [number, number, number]
  return { memory, passes, parallelism, nonce: Buffer.from(match[4]!, 'base64'), key: Buffer.from(match[5]!, 'base64') }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
