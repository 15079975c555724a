import express from 'express'
import { Redis } from 'ioredis'
import multer from 'multer'

const app = express()
const redis = new Redis(process.env.REDIS_URL)

app.post('/files', multer({ storage: multer.memoryStorage() }).single('file'), async (request, response) => {
  await redis.set(`file:${request.file.originalname}`, request.file.buffer)
  response.status(201).json({ name: request.file.originalname, size: request.file.size })
})

app.get('/files/:name', async (request, response) => {
  const file = await redis.getBuffer(`file:${request.params.name}`)
  if (!file) return response.status(404).json({ error: 'no such file' })
  response.type('text').send(file)
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit(0)))
