import express from 'express'
import session from 'express-session'

const app = express()
app.use(express.json())
app.use(session({ secret: 'from the environment', resave: false, saveUninitialized: false }))

app.post('/login', (request, response) => {
  request.session.name = request.body.name
  response.json({ welcome: request.body.name })
})

app.get('/me', (request, response) => {
  if (!request.session.name) return response.status(401).json({ error: 'log in first' })
  response.json({ name: request.session.name })
})

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close())
