import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { Redis } from 'ioredis'
import { RedisStore } from 'rate-limit-redis'

const app = express()
const redis = new Redis(process.env.REDIS_URL)
const store = new RedisStore({ sendCommand: (...args) => redis.call(...args) })
app.use(rateLimit({ store, windowMs: 60_000, limit: 3, standardHeaders: 'draft-7', legacyHeaders: false }))

app.get('/quote', (request, response) => void response.json({ quote: 'less is more' }))

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit(0)))
