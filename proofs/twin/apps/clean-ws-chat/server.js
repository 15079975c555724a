import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'

const redis = new Redis(process.env.REDIS_URL)
const bell = new Redis(process.env.REDIS_URL)
const server = createServer((request, response) => response.end('chat'))
const chat = new WebSocketServer({ server, path: '/chat' })

await bell.subscribe('chat')
bell.on('message', (_, text) => {
  for (const client of chat.clients) client.send(text)
})
chat.on('connection', (socket) => {
  socket.on('message', (text) => void redis.publish('chat', text))
})

server.listen(process.env.PORT)
process.on('SIGTERM', () => {
  for (const client of chat.clients) client.close()
  server.close(() => process.exit(0))
})
