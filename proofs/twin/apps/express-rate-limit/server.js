import express from 'express'
import { rateLimit } from 'express-rate-limit'

const app = express()
app.use(rateLimit({ windowMs: 60_000, limit: 3, standardHeaders: 'draft-7', legacyHeaders: false }))

app.get('/quote', (request, response) => void response.json({ quote: 'less is more' }))

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close())
