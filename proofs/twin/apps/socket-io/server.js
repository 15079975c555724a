import { createServer } from 'node:http'
import { Server } from 'socket.io'

const server = createServer((request, response) => response.end('hello'))
new Server(server)

server.listen(process.env.PORT)
process.on('SIGTERM', () => server.close())
