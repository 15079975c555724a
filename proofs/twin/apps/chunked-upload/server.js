import { appendFile, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'

const app = Fastify()
const partsOf = (id) => join(tmpdir(), `upload-${id}`)

app.post('/uploads/:id/parts', async (request, reply) => {
  await appendFile(partsOf(request.params.id), request.body.text)
  return reply.code(204).send()
})

app.post('/uploads/:id/finish', async (request, reply) => {
  const text = await readFile(partsOf(request.params.id), 'utf8').catch(() => undefined)
  if (text === undefined) return reply.code(404).send({ error: 'no such upload' })
  return { size: text.length }
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })
