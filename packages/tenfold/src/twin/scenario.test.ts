import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenarioFromHar } from './har.ts'
import { scenarioFromOpenApi } from './openapi.ts'
import { renderJunit } from './report/junit.ts'
import { readScenario } from './scenario.ts'

test('everything wrong with a scenario is said at once, with the number of the step', () => {
  const steps = [
    { request: 'FETCH /' },
    { listen: 'GET /events' },
    { send: 'chat', message: 'hi' },
    {},
    { request: 'GET /' },
  ]
  assert.throws(
    () => readScenario({ steps }, 'twin.json'),
    (error: Error) => {
      assert.match(
        error.message,
        /step 1: 'FETCH \/'.*step 2: lacks 'as'.*step 3: nothing was opened as 'chat'.*step 4: needs one/,
      )
      assert.doesNotMatch(error.message, /step 5/)
      return true
    },
  )
  assert.throws(() => readScenario(null, 'twin.json'), /it has no steps/)
})

test('an OpenAPI document becomes requests in the order of use, each with a body that fits', () => {
  const { steps } = scenarioFromOpenApi({
    paths: {
      '/orders/{id}': { get: {}, delete: {} },
      '/orders': {
        post: { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } } } },
      },
      '/users': {
        post: {
          requestBody: {
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['email'],
                  properties: { email: { type: 'string', format: 'email' } },
                },
              },
            },
          },
        },
      },
    },
    components: { schemas: { Order: { type: 'object', required: ['item'], properties: { item: { enum: ['mug'] } } } } },
  })
  assert.deepEqual(
    steps.map((step) => 'request' in step && [step.request, step.body]),
    [
      ['POST /users', { email: '{{unique}}@example.com' }],
      ['POST /orders', { item: 'mug' }],
      ['GET /orders/{{orderId}}', undefined],
      ['DELETE /orders/{{orderId}}', undefined],
    ],
  )
})

test('an HTTP archive becomes the requests to its first host, without pictures and cookies', () => {
  const request = (url: string, method = 'GET'): object => ({
    request: {
      method,
      url,
      headers: [
        { name: 'Cookie', value: 'a=b' },
        { name: 'Accept', value: '*/*' },
      ],
      postData: { text: '{}' },
    },
  })
  const entries = [
    request('http://a.example/x?y=1', 'POST'),
    request('http://a.example/logo.png'),
    request('http://b.example/'),
  ]
  assert.deepEqual(scenarioFromHar({ log: { entries } }, 'a.har').steps, [
    { request: 'POST /x?y=1', headers: { Accept: '*/*' }, text: '{}' },
  ])
  assert.throws(() => scenarioFromHar({}, 'a.har'), /no HTTP archive/)
})

test('JUnit has a case for each assumption, and names what failed', () => {
  const xml = renderJunit({
    passed: false,
    command: 'node <server>',
    instances: 2,
    steps: 1,
    runs: 4,
    ms: 10,
    watched: true,
    notes: [],
    findings: [
      {
        cause: 'lost-requests',
        differences: [],
        evidence: [{ kind: 'how', text: 'socket "hang up" & \u0000 gone' }],
        places: [],
      },
    ],
  })
  assert.match(xml, /failures="1"/)
  assert.match(xml, /<failure type="lost-requests" message="SIGTERM breaks off requests">/)
  assert.match(xml, /socket &quot;hang up&quot; &amp; {2}gone/)
})
