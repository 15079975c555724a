import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { newWebhookSecret, signWebhook, verifyWebhook, WebhookSecret, WebhookUnverified } from './index.ts'

const secret = newWebhookSecret()
const body = '{"type":"order.paid","data":{"total":1250,"name":"Zoë"}}'
const message = { id: 'msg_1', at: new Date(), body }

test('what we sign, an independent implementation accepts, and the other way round', () => {
  const headers = { ...signWebhook([secret], message) }
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body))
  const theirs = { ...headers, 'webhook-signature': new Webhook(secret).sign('msg_1', message.at, body) }
  assert.equal(verifyWebhook([secret], { headers: theirs, body: Buffer.from(body) }), 'msg_1')
})

test('while a secret is changed, both the old and the new one are accepted, on either side', () => {
  const next = newWebhookSecret()
  const headers = { ...signWebhook([next, secret], message) }
  for (const one of [secret, next]) assert.deepEqual(new Webhook(one).verify(body, headers), JSON.parse(body))
  const old = { ...signWebhook([secret], message) }
  assert.equal(verifyWebhook([next, secret], { headers: old, body }), 'msg_1')
})

test('everything that is not as it was signed is refused, and says which part without the secret', () => {
  const headers = { ...signWebhook([secret], message) }
  const fails = (changed: object, sent: string, problem: RegExp, now = new Date()): void =>
    assert.throws(
      () => verifyWebhook([secret], { headers: { ...headers, ...changed }, body: sent }, { now }),
      (error: Error) => WebhookUnverified.is(error) && problem.test(error.message) && !error.message.includes(secret),
    )
  fails({}, `${body} `, /no signature fits/)
  fails({ 'webhook-id': 'msg_2' }, body, /no signature fits/)
  fails({ 'webhook-id': 'msg.1' }, body, /id is not one/)
  fails({ 'webhook-id': undefined }, body, /no header webhook-id/)
  fails({ 'webhook-id': ['a', 'b'] }, body, /no header webhook-id/)
  fails({ 'webhook-timestamp': 'now' }, body, /not a number/)
  fails({ 'webhook-timestamp': `${Number(headers['webhook-timestamp']) + 1}` }, body, /no signature fits/)
  fails({ 'webhook-signature': 'v1,' }, body, /no signature fits/)
  fails({ 'webhook-signature': `v1a,${headers['webhook-signature'].slice(3)}` }, body, /no signature fits/)
  fails({}, body, /301 s old/, new Date((Number(headers['webhook-timestamp']) + 301) * 1000))
  fails({}, body, /301 s in the future/, new Date((Number(headers['webhook-timestamp']) - 301) * 1000))
  const others = signWebhook([newWebhookSecret()], message)
  fails(others, body, /no signature fits/)
})

test('a secret that is too short, or none, is refused without being shown', () => {
  for (const bad of ['', 'whsec_', 'whsec_c2hvcnQ=', 'not base64 at all, but long enough to be one!'])
    assert.throws(
      () => signWebhook([bad], message),
      (error: Error) => WebhookSecret.is(error) && (bad === '' || !error.message.includes(bad.slice(6) || bad)),
    )
})
