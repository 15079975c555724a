/** What is known of a statement by its text. Statements are parametrised, so their texts repeat: what is worth remembering
 *  of one is found again for one look into a Map. */
import type { Columns } from './columns.ts'
import { normalise } from './fingerprint.ts'
import { parseMessage } from './messages.ts'

export interface Shape {
  readonly text: string
  /** The text without its values: what query statistics and N+1 detection count by. */
  readonly fingerprint: string
  /** What sends it to the server, with values. */
  readonly parse: Buffer
  /** And without. */
  query: Buffer | undefined
  /** Of its last result. */
  columns: Columns | undefined
  /** What its last result said was done. */
  command: string
}

const LIMIT = 5000
/** Longer texts are made anew each time: they are long because their values are in them, and do not come back. */
const LONGEST = 16_384

export function createShapes(): (text: string) => Shape {
  const known = new Map<string, Shape>()
  return (text) => {
    const hit = known.get(text)
    if (hit) return hit
    const made: Shape = {
      text,
      fingerprint: normalise(text),
      parse: parseMessage(text),
      query: undefined,
      columns: undefined,
      command: '',
    }
    if (text.length > LONGEST) return made
    if (known.size >= LIMIT) known.delete(known.keys().next().value!)
    known.set(text, made)
    return made
  }
}
