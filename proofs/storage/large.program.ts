/** Writes one object of so many bytes, reads it again, and says how much memory that took. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { systemClock } from '../../packages/tenfold/src/kernel/index.ts'
import { openStorage } from '../../packages/tenfold/src/storage/index.ts'

const [url, size] = [process.argv[2]!, Number(process.argv[3])]
const storage = await openStorage({ url, secrets: ['secret'], clock: systemClock })
const CHUNK = 64 * 1024

/** No two chunks are the same, so that a lost or doubled one would be seen. */
function* bytes(): Generator<Buffer> {
  const chunk = Buffer.alloc(CHUNK, 'x')
  for (let at = 0; at < size; at += CHUNK) {
    chunk.writeDoubleBE(at)
    yield chunk.subarray(0, Math.min(CHUNK, size - at))
  }
}

/** The most that this process ever had in memory, in bytes: what Linux has seen, not what Node knows of. */
function peak(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024
}

const idle = peak()
const began = performance.now()
const file = await storage.put('large', Readable.from(bytes(), { highWaterMark: 1 }), { maxBytes: size })
const written = performance.now()
const hash = createHash('sha256')
const { body } = await storage.get('large')
for await (const chunk of body) hash.update(chunk as Buffer)
const read = performance.now()
await storage.close()
const same = file.size === size && file.sha256 === hash.digest('hex')
process.stdout.write(JSON.stringify({ same, idle, peak: peak(), writeMs: written - began, readMs: read - written }))
