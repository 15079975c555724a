import express from 'express'

const app = express()
app.use(express.json())
app.locals.announcement = 'none'

app.put('/announcement', (request, response) => {
  app.locals.announcement = request.body.text
  response.json({ saved: true })
})

app.get('/announcement', (request, response) => void response.json({ text: app.locals.announcement }))

const server = app.listen(process.env.PORT)
process.on('SIGTERM', () => server.close())
