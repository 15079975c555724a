import { createReadStream, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import Fastify from 'fastify'

const app = Fastify()
const FOLDER = process.env.SHARED_FOLDER

app.post('/avatars/:name', (request, reply) => {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(`${FOLDER}/${request.params.name}`, request.body.picture)
  return reply.code(201).send({ saved: true })
})

app.get('/avatars/:name', (request, reply) => {
  const file = `${FOLDER}/${request.params.name}`
  if (!existsSync(file)) return reply.code(404).send({ error: 'no avatar' })
  return reply.type('text/plain').send(createReadStream(file))
})

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })
