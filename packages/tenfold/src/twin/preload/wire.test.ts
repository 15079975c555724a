import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeBytes } from './wire.ts'

const of = (text: string): [string, boolean][] =>
  describeBytes(text, 'mail.example:80').map(({ what, once }) => [what, once])

const postgres = (kind: string, body: string): string => {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(body.length + 4)
  return kind + size.toString('latin1') + body
}

test('requests are told by method, host and path; POST and PATCH are not to be repeated', () => {
  assert.deepEqual(of('POST /mail/42?x=1 HTTP/1.1\r\nHost: a.example:4010\r\n\r\n'), [
    ['POST a.example:4010/mail/#', true],
  ])
  assert.deepEqual(of('GET / HTTP/1.1\r\n\r\n'), [['GET mail.example:80/', false]])
  assert.deepEqual(of('PUT /a HTTP/1.1\r\n\r\n'), [['PUT mail.example:80/a', false]])
})

test('several commands to Redis in one write are told apart', () => {
  const set = '*5\r\n$3\r\nSET\r\n$4\r\nlock\r\n$1\r\n1\r\n$2\r\nEX\r\n$2\r\n60\r\n'
  const push = '*3\r\n$5\r\nrpush\r\n$4\r\njobs\r\n$1\r\na\r\n'
  assert.deepEqual(of(set + push), [
    ['redis SET lock', false],
    ['redis RPUSH jobs', true],
  ])
})

test('of SQL, what adds is told from what may be done twice', () => {
  const query = (sql: string): [string, boolean] | undefined => of(postgres('Q', `${sql}\0`))[0]
  assert.deepEqual(query('insert into orders values (1)'), ['sql insert into orders', true])
  assert.deepEqual(query('insert into ticks values (1) on conflict do nothing'), ['sql insert into ticks', false])
  assert.equal(query('update stock set left = left - 1 where id = 7')?.[1], true)
  assert.equal(query("update stock set state = 'sold' where id = 7")?.[1], false)
  assert.deepEqual(of(postgres('P', 'name\0insert into mails values ($1)\0\0\0') + postgres('S', '')), [
    ['sql prepare name', false],
    ['sql insert into mails', true],
  ])
})

test('mail is told by its envelope, and anything else is left alone', () => {
  assert.deepEqual(of('MAIL FROM:<a@b.example>\r\n'), [['mail', true]])
  assert.deepEqual(of('\x16\x03\x01 some TLS'), [])
})
