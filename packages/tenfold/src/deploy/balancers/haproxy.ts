import type { BalancedInstance, BalancerOptions, Settled } from './options.ts'
import { addressOf, settle } from './settle.ts'

export interface HaproxyOptions extends BalancerOptions {
  /** A socket for commands (`show stat`, `set server … state drain`), readable for its owner alone. None by default. */
  adminSocket?: string
  /** The user that HAProxy becomes once its ports are open, and the folder that it locks itself into. Needs root. By default
   *  it stays who it is. */
  runAs?: { user: string; chroot: string }
  /** Who answers the certificate authority, on plain HTTP: certbot, for example, while it renews. Needs `tls.redirectPort`. */
  challenges?: { host: string; port: number }
}

/** A whole configuration for HAProxy 2.4 and newer: `haproxy -W -f <file>`.
 *
 *  HAProxy asks each instance at `/health/ready` whether it wants requests. One that stops says no for as long as
 *  `DRAIN_DELAY` lets it: make that longer than two checks.
 *  @example
 *  haproxyConfig({ app: 'shop', instances: [{ name: 'shop-1', host: '10.0.0.11', port: 3000 }], listen: { port: 80 } }) */
export function haproxyConfig({ adminSocket, runAs, challenges, ...options }: HaproxyOptions): string {
  const settled = settle(options)
  const { app, method, answerSeconds, checkSeconds } = settled
  return `# Load balancer of '${app}', written by tenfold. Check it with: haproxy -c -f <this file>

global
    log stderr format raw daemon warning
    maxconn 8192
${adminSocket === undefined ? '' : `    stats socket ${adminSocket} mode 600 level admin expose-fd listeners\n`}\
${runAs === undefined ? '' : `    user ${runAs.user}\n    group ${runAs.user}\n    chroot ${runAs.chroot}\n`}\
    # After a reload, the process from before ends its last connections after this time.
    hard-stop-after 30s
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets

defaults
    mode http
    log global
    option dontlognull
    # A client has so long to send the head of a request: slow ones would take all connections.
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout connect 1s
    timeout queue 5s
    # An instance that is busy answers a check late: that is no reason to give its share to the others, who are busy as well.
    timeout check 5s
    timeout client 60s
    timeout server ${answerSeconds}s
    # WebSockets, once they are open; both ends show signs of life more often.
    timeout tunnel 1h
    # Nobody waits for the answer any more: then it is not asked for.
    option abortonclose

frontend ${app}
${binds(settled, challenges !== undefined)}
${realAddress(settled)}
    # Replaced, not extended: what a client writes there is worth nothing. The app believes these when TRUST_PROXY names the
    # address of this balancer.
    http-request set-header X-Forwarded-For %[src]
${scheme(settled)}
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request del-header Forwarded
${challenges === undefined ? '' : `    use_backend ${app}-certificates if { path_beg /.well-known/acme-challenge/ } !{ ssl_fc }\n`}\
    default_backend ${app}-instances

backend ${app}-instances
${method === 'least-connections' ? '    # The next request goes to whoever answers the fewest at the moment.\n    balance leastconn' : '    # Each instance gets a request in turn.\n    balance roundrobin'}
    # Kept connections to the instances are used by all clients.
    http-reuse safe

    # What was not sent is tried at another instance, whatever its method. What was sent and not answered is sent again only
    # if it may be (GET, HEAD): nobody knows how far a POST came.
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response
    http-request disable-l7-retry if !METH_GET

    # Ready? Two answers that are not 200, and an instance is left alone; one that is, and it is back.
    option httpchk
    http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host ${app}
    http-check expect status 200
    default-server check inter ${Math.round(checkSeconds * 1000)}ms fall 2 rise 1
${settled.instances.map(server).join('\n')}
${challenges === undefined ? '' : `\n# Here only while a certificate is renewed.\nbackend ${app}-certificates\n    server acme ${addressOf(challenges)}\n`}\
${settled.instances.some(({ upTo = 1 }) => upTo > 1) ? RESOLVERS : ''}`
}

function server({ name, host, port, upTo = 1 }: BalancedInstance): string {
  const at = addressOf({ host, port })
  if (upTo === 1) return `    server ${name} ${at}`
  return `    # As many as there are addresses behind the name; asked for again and again.
    server-template ${name}- ${upTo} ${at} resolvers here init-addr none`
}

const RESOLVERS = `
resolvers here
    parse-resolv-conf
    hold valid 2s
    hold obsolete 2s
`

function binds({ listen: { host, port }, tls }: Settled, challenged: boolean): string {
  const address = (at: number): string => (host === undefined ? `:::${at} v4v6` : addressOf({ host, port: at }))
  if (!tls) return `    bind ${address(port)}`
  return [
    `    # The file has the certificate, those above it, and the private key.`,
    `    bind ${address(port)} ssl crt ${tls.certificate} alpn h2,http/1.1`,
    ...(tls.redirectPort === undefined
      ? []
      : [
          `    bind ${address(tls.redirectPort)}`,
          '    # Keeps method and body, since an API may be called by mistake as well.',
          `    http-request redirect scheme https code 308 unless { ssl_fc }${challenged ? ' || { path_beg /.well-known/acme-challenge/ }' : ''}`,
        ]),
  ].join('\n')
}

function realAddress({ trustedProxies }: Settled): string {
  if (trustedProxies.length === 0) return ''
  return `
    # Behind these proxies, the client is the last address in their header, and the scheme is what they say.
    http-request set-var(txn.proxied) bool(true) if { src ${trustedProxies.join(' ')} }
    http-request set-src req.hdr_ip(x-forwarded-for,-1) if { var(txn.proxied) -m bool }
`
}

function scheme({ tls, trustedProxies }: Settled): string {
  const own = trustedProxies.length > 0 ? ' !{ var(txn.proxied) -m bool }' : ''
  const lines = tls
    ? ['X-Forwarded-Proto https if { ssl_fc }', `X-Forwarded-Proto http if !{ ssl_fc }${own}`]
    : [`X-Forwarded-Proto http${own && ` if${own}`}`]
  return lines.map((line) => `    http-request set-header ${line}`).join('\n')
}
