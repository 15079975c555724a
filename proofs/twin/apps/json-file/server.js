import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import Fastify from 'fastify'

const app = Fastify()
const FILE = 'data/notes.json'

function load() {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : []
}

app.post('/notes', (request, reply) => {
  mkdirSync('data', { recursive: true })
  writeFileSync(FILE, JSON.stringify([...load(), request.body.text]))
  return reply.code(201).send({ saved: true })
})

app.get('/notes', () => ({ notes: load() }))

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })
