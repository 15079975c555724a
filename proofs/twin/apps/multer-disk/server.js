import { createReadStream, existsSync } from 'node:fs'
import express from 'express'
import multer from 'multer'

const app = express()
const storage = multer.diskStorage({
  destination: '.',
  filename: (request, file, done) => done(null, file.originalname),
})

app.post('/files', multer({ storage }).single('file'), (request, response) => {
  response.status(201).json({ name: request.file.originalname, size: request.file.size })
})

app.get('/files/:name', (request, response) => {
  if (!existsSync(request.params.name)) return response.status(404).json({ error: 'no such file' })
  createReadStream(request.params.name).pipe(response.type('text'))
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close())
