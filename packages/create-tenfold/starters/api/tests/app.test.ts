import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestApp, type TestApp } from 'tenfold/testing'
import app from '../app.ts'

let running: TestApp
before(async () => void (running = await startTestApp(app)))
after(() => running.close())

/** Somebody with a cookie of their own. */
async function signUp(name: string): Promise<(method: string, path: string, body?: object) => Promise<Response>> {
  const send = (method: string, path: string, body?: object, cookie = ''): Promise<Response> =>
    running.fetch(path, {
      method,
      headers: { 'content-type': 'application/json', cookie },
      ...(body && { body: JSON.stringify(body) }),
    })
  const reply = await send('POST', '/accounts', {
    email: `${name}@mail.example`,
    name,
    password: 'a long password',
  })
  assert.equal(reply.status, 201)
  const [cookie = ''] = reply.headers.getSetCookie().map((one) => one.split(';')[0]!)
  return (method, path, body) => send(method, path, body, cookie)
}

test('whoever signs up has a task, can finish it, and is on the score board', async () => {
  const ada = await signUp('ada')
  await running.drain()
  const [task] = (await (await ada('GET', '/tasks')).json()) as { id: string; title: string }[]
  assert.equal(task?.title, 'Look around, ada')
  assert.equal((await ada('POST', `/tasks/${task.id}/finish`)).status, 200)
  await running.drain()
  assert.deepEqual(await (await ada('GET', '/score')).json(), [{ name: 'ada', finished: 1 }])
})

test('the tasks of others are nobody else’s', async () => {
  const [bob, eve] = [await signUp('bob'), await signUp('eve')]
  const task = (await (await bob('POST', '/tasks', { title: 'Buy milk' })).json()) as { id: string }
  assert.equal((await eve('POST', `/tasks/${task.id}/finish`)).status, 404)
  assert.equal((await running.fetch('/tasks')).status, 401)
})

test('a wrong password and an unknown address get the same answer', async () => {
  await signUp('carol')
  const logIn = async (email: string): Promise<unknown> => {
    const reply = await running.fetch('/sessions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: 'not the password' }),
    })
    const { code, status } = (await reply.json()) as { code: string; status: number }
    return { code, status }
  }
  assert.deepEqual(await logIn('carol@mail.example'), { code: 'APP_WRONG_LOGIN', status: 401 })
  assert.deepEqual(await logIn('nobody@mail.example'), { code: 'APP_WRONG_LOGIN', status: 401 })
})
