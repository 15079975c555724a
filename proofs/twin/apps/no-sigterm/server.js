import { createServer } from 'node:http'

createServer((request, response) => response.end('hello')).listen(process.env.PORT)
