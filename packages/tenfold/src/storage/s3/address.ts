import { StorageUrl } from '../errors.ts'

/** Where the objects lie, and as whom. */
export interface S3Address {
  /** Of the bucket: keys are appended to it. */
  base: URL
  bucket: string
  /** What every key starts with; empty, or ending with a slash. */
  prefix: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string | undefined
}

/** Reads `s3://KEY:SECRET@bucket/prefix?region=eu-central-1&endpoint=https://s3.example`. Without an endpoint it is AWS, and the
 *  bucket is part of the host name; with one it is the first part of the path, unless `style=host` says otherwise. */
export function addressOf(url: string): S3Address {
  const parsed = URL.parse(url)
  const say = (reason: string): never => {
    throw StorageUrl({ url: parsed ? `s3://…@${parsed.hostname}${parsed.pathname}` : 's3://…', reason })
  }
  if (!parsed?.hostname) return say('it names no bucket')
  const { hostname: bucket, username, password, searchParams } = parsed
  if (!username || !password)
    say('it has no key and secret (put them before the @, or into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)')
  const region = searchParams.get('region') ?? 'us-east-1'
  const endpoint = URL.parse(searchParams.get('endpoint') ?? `https://s3.${region}.amazonaws.com`)
  if (!endpoint || !['http:', 'https:'].includes(endpoint.protocol))
    return say('its endpoint is not an address of the web')
  const inHost = (searchParams.get('style') ?? (searchParams.has('endpoint') ? 'path' : 'host')) === 'host'
  const path = endpoint.pathname.replace(/\/+$/, '')
  const base = new URL(
    inHost ? `${endpoint.protocol}//${bucket}.${endpoint.host}${path}/` : `${endpoint.origin}${path}/${bucket}/`,
  )
  const prefix = decodeURIComponent(parsed.pathname).replace(/^\/+|\/+$/g, '')
  return {
    base,
    bucket,
    prefix: prefix && `${prefix}/`,
    region,
    accessKeyId: decodeURIComponent(username),
    secretAccessKey: decodeURIComponent(password),
    sessionToken: searchParams.get('token') ?? undefined,
  }
}
