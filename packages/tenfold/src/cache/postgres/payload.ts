import type { Change } from '../change.ts'

/** What travels in one NOTIFY. */
export interface Message {
  from: string
  changes: Change[]
  /** Set when the message is for its own sender, to prove that the line works. */
  echo?: number
}

/** NOTIFY takes payloads of less than 8000 bytes. */
const MAX_BYTES = 7900

/** Packs changes into as few payloads as they need. A single change always fits: keys, tags and names are bounded. */
export function payloadsOf(from: string, changes: Iterable<Change>): string[] {
  const payloads: string[] = []
  let batch: string[] = []
  let bytes = 0
  const finish = (): void => {
    if (batch.length > 0) payloads.push(`{"from":${JSON.stringify(from)},"changes":[${batch.join(',')}]}`)
    batch = []
    bytes = 0
  }
  for (const change of changes) {
    const text = JSON.stringify(change)
    const size = Buffer.byteLength(text) + 1
    if (bytes + size > MAX_BYTES - 100) finish()
    batch.push(text)
    bytes += size
  }
  finish()
  return payloads
}

/** The message of a payload, or nothing when it is not one of ours: anybody may NOTIFY. */
export function messageOf(payload: string): Message | undefined {
  try {
    const message = JSON.parse(payload) as Partial<Message> | null
    if (typeof message?.from !== 'string') return undefined
    const changes = Array.isArray(message.changes) ? message.changes.filter(isChange) : []
    return { from: message.from, changes, ...(typeof message.echo === 'number' && { echo: message.echo }) }
  } catch {
    return undefined
  }
}

function isChange(change: Partial<Change> | null): change is Change {
  if (typeof change !== 'object' || typeof change?.cache !== 'string') return false
  return [change.key, change.tag, change.at].every((text) => text === undefined || typeof text === 'string')
}
