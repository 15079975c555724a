/** What a request costs here: some milliseconds of the processor, and a short wait as for a database. */
import { hash } from 'node:crypto'
import { setTimeout as after } from 'node:timers/promises'

const PIECE = 'x'.repeat(1000)

export async function work(): Promise<{ digest: string }> {
  burn()
  await after(3)
  return { digest: burn() }
}

function burn(): string {
  let digest = PIECE
  for (let i = 0; i < 800; i++) digest = hash('sha256', PIECE + digest, 'hex')
  return digest
}
