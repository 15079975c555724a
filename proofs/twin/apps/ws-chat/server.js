import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const server = createServer((request, response) => response.end('chat'))
const chat = new WebSocketServer({ server, path: '/chat' })

chat.on('connection', (socket) => {
  socket.on('message', (text) => {
    for (const client of chat.clients) client.send(text, { binary: false })
  })
})

server.listen(process.env.PORT)
process.on('SIGTERM', () => {
  for (const client of chat.clients) client.close()
  server.close()
})
