/** A process that uploads without end, says so, and waits to be killed. */
import { systemClock } from '../../kernel/index.ts'
import { openStorage } from '../index.ts'

const storage = await openStorage({ url: process.argv[2]!, secrets: ['secret'], clock: systemClock })
const endless = async function* () {
  for (let i = 0; ; i++) {
    yield Buffer.alloc(100_000)
    if (i === 20) process.stdout.write('uploading\n')
    if (i > 20) await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
await storage.put('killed', endless())
