import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { importPeer, messageOf, systemClock } from '../../kernel/index.ts'
import { StorageAway, StorageRefused } from '../errors.ts'
import type { S3Address } from './address.ts'
import { readingInPieces } from './pieces.ts'
import { codeOf } from './xml.ts'

/** What we use of `aws4fetch`: it signs, and Node sends. */
interface Peer {
  AwsV4Signer: new (options: object) => { sign(): Promise<{ url: URL; headers: Headers }> }
}

export interface Call {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** The whole key, prefix included; absent for the bucket. */
  key?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Buffer
  signal?: AbortSignal
  /** Statuses besides 2xx that the caller wants to see. */
  expects?: readonly number[]
}

export interface S3Client {
  /** The answer with its body still to be read. Throws TF_STORAGE_REFUSED or TF_STORAGE_AWAY. */
  send(call: Call): Promise<IncomingMessage>
  /** The body as text; also for answers that begin with 200 and then turn out to be errors. */
  ask(call: Call): Promise<{ answer: IncomingMessage; text: string }>
  presign(call: Pick<Call, 'method' | 'key' | 'query' | 'headers'>, seconds: number): Promise<string>
  /** For forms: the signature of a policy, and what it was made with. */
  signPolicy(policy: (about: PolicyBasics) => object): { fields: Record<string, string> }
  close(): void
}

export interface PolicyBasics {
  algorithm: string
  credential: string
  date: string
}

const ATTEMPTS = 4
/** A connection on which nothing moves for so long is given up. */
const IDLE_MS = 30_000
const ALGORITHM = 'AWS4-HMAC-SHA256'

export async function openS3Client(address: S3Address): Promise<S3Client> {
  const { AwsV4Signer } = await importPeer(
    'aws4fetch',
    'STORAGE_URL=s3://…',
    () => import('aws4fetch') as Promise<unknown> as Promise<Peer>,
  )
  const { base, region, accessKeyId, secretAccessKey, sessionToken } = address
  const tls = base.protocol === 'https:'
  const options = { keepAlive: true, maxSockets: 64 }
  const agent = readingInPieces(tls ? new TlsAgent(options) : new Agent(options))
  const credentials = { accessKeyId, secretAccessKey, sessionToken, region, service: 's3', cache: new Map() }

  const urlOf = ({ key = '', query = {} }: Pick<Call, 'key' | 'query'>): URL => {
    const url = new URL(base.href + encodeKey(key))
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }

  const attempt = async (call: Call): Promise<IncomingMessage> => {
    const { method, body, signal } = call
    const hash = createHash('sha256')
      .update(body ?? '')
      .digest('hex')
    const headers = { ...call.headers, 'x-amz-content-sha256': hash }
    const signed = await new AwsV4Signer({ ...credentials, method, url: urlOf(call).href, headers }).sign()
    const request = (tls ? httpsRequest : httpRequest)(signed.url, {
      method,
      agent,
      headers: {
        ...Object.fromEntries(signed.headers),
        ...((body || method === 'PUT' || method === 'POST') && { 'content-length': String(body?.length ?? 0) }),
      },
      ...(signal && { signal }),
    })
    request.setTimeout(IDLE_MS, () => request.destroy(new Error(`no answer within ${IDLE_MS} ms`)))
    request.end(body)
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    return answer
  }

  const send = async (call: Call): Promise<IncomingMessage> => {
    for (let tried = 1; ; tried++) {
      try {
        const answer = await attempt(call)
        const status = answer.statusCode ?? 0
        if ((status >= 200 && status < 300) || call.expects?.includes(status)) return answer
        const text = await textOf(answer)
        const again = status >= 500 || status === 429
        if (!again || tried === ATTEMPTS) {
          throw StorageRefused({ what: nameOf(call), status, code: codeOf(text) })
        }
      } catch (error) {
        if (StorageRefused.is(error) || call.signal?.aborted) throw error
        if (tried === ATTEMPTS) throw StorageAway({ where: base.host, reason: messageOf(error) }, { cause: error })
      }
      await systemClock.sleep(100 * 2 ** tried * Math.random(), call.signal)
    }
  }

  return {
    send,
    async ask(call) {
      const answer = await send(call)
      const text = await textOf(answer)
      // Copies and the end of a multipart upload say 200 first, to keep the connection, and then how it went.
      if (/<Error>/.test(text) && !call.expects?.includes(answer.statusCode ?? 0)) {
        throw StorageRefused({ what: nameOf(call), status: 200, code: codeOf(text) })
      }
      return { answer, text }
    },
    async presign({ method, headers = {}, ...call }, seconds) {
      const url = urlOf(call)
      url.searchParams.set('X-Amz-Expires', String(seconds))
      const signer = new AwsV4Signer({
        ...credentials,
        method,
        url: url.href,
        headers,
        signQuery: true,
        allHeaders: true,
      })
      return (await signer.sign()).url.href
    },
    signPolicy(policyOf) {
      const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '')
      const scope = [date.slice(0, 8), region, 's3', 'aws4_request']
      const credential = [accessKeyId, ...scope].join('/')
      const policy = Buffer.from(JSON.stringify(policyOf({ algorithm: ALGORITHM, credential, date }))).toString(
        'base64',
      )
      const key = scope.reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${secretAccessKey}`)
      return {
        fields: {
          policy,
          'x-amz-algorithm': ALGORITHM,
          'x-amz-credential': credential,
          'x-amz-date': date,
          ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
          'x-amz-signature': hmac(key, policy).toString('hex'),
        },
      }
    },
    close: () => agent.destroy(),
  }
}

/** Each byte that has a meaning in a path is written as %xx; slashes stand for themselves. */
export function encodeKey(key: string): string {
  return key
    .split('/')
    .map((part) =>
      encodeURIComponent(part).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/')
}

function nameOf({ method, key }: Call): string {
  return `${method} ${key === undefined ? 'the bucket' : `'${key.slice(0, 100)}'`}`
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
