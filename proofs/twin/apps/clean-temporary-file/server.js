import { createHash, randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'

const app = Fastify()

app.post('/digest', async (request) => {
  const file = join(tmpdir(), randomUUID())
  try {
    await writeFile(file, request.body.text)
    return {
      sha256: createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    }
  } finally {
    await rm(file)
  }
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })
