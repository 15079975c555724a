import Fastify, { type FastifyRequest } from 'fastify'

class Votes {
  #counts: Record<string, number> = {}

  add(name: string): number {
    return (this.#counts[name] = (this.#counts[name] ?? 0) + 1)
  }
}

const app = Fastify()
const votes = new Votes()

app.post('/votes', (request: FastifyRequest<{ Body: { name: string } }>) => ({ votes: votes.add(request.body.name) }))

process.on('SIGTERM', () => app.close())
await app.listen({ port: Number(process.env.PORT) })
