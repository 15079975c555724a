import express from 'express'
import session, { Store } from 'express-session'
import { Redis } from 'ioredis'

const redis = new Redis(process.env.REDIS_URL)

class RedisStore extends Store {
  get(id, done) {
    void redis.get(`session:${id}`).then((text) => done(null, text && JSON.parse(text)), done)
  }

  set(id, data, done) {
    void redis.set(`session:${id}`, JSON.stringify(data), 'EX', 3600).then(() => done(null), done)
  }

  destroy(id, done) {
    void redis.del(`session:${id}`).then(() => done(null), done)
  }
}

const app = express()
app.use(express.json())
app.use(session({ store: new RedisStore(), secret: 'from the environment', resave: false, saveUninitialized: false }))

app.post('/login', (request, response) => {
  request.session.name = request.body.name
  response.json({ welcome: request.body.name })
})

app.get('/me', (request, response) => {
  if (!request.session.name) return response.status(401).json({ error: 'log in first' })
  response.json({ name: request.session.name })
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit(0)))
