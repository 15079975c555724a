import type { BalancerListen, BalancerOptions, Settled } from './options.ts'
import { addressOf, settle } from './settle.ts'

/** A site for nginx: goes into `/etc/nginx/conf.d/<app>.conf`, which is inside of `http { }`. For nginx 1.18 and newer.
 *
 *  nginx without a subscription asks nobody whether an instance is well; it notices by the requests themselves. That is
 *  enough: an instance that stops refuses connections, and those are tried at the next one, whatever their method.
 *  @example
 *  nginxSite({ app: 'shop', instances: [{ name: 'shop-1', host: '10.0.0.11', port: 3000 }], listen: { port: 80 } }) */
export function nginxSite(options: BalancerOptions): string {
  const settled = settle(options)
  const { app, method, trustedProxies, answerSeconds, bodyMegabytes } = settled
  const name = app.replaceAll('-', '_')
  return `# Load balancer of '${app}', written by tenfold. Check it with: nginx -t

upstream ${name} {
    # All workers of nginx know the same about the instances.
    zone ${name} 256k;
${method === 'least-connections' ? LEAST : IN_TURN}
${instances(settled)}
    # Connections are kept for less time (60 s) than an instance keeps them (72 s): it is never the instance that ends them.
    keepalive 64;
    keepalive_timeout 60s;
}

# A WebSocket asks for an upgrade; everything else goes over kept connections, which want no such header.
map $http_upgrade $${name}_connection {
    default upgrade;
    ''      '';
}
${scheme(settled, name)}${redirect(settled)}
server {
${listen(settled)}
    server_tokens off;
${realAddress(trustedProxies)}
    # The app has limits of its own, by route; this one is for what no route wants.
    client_max_body_size ${bodyMegabytes}m;
    client_header_timeout 10s;
    keepalive_timeout 60s;

    location / {
        proxy_pass http://${name};
        proxy_http_version 1.1;
        proxy_set_header Connection $${name}_connection;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Host $http_host;
        # Replaced, not extended: what a client writes there is worth nothing. The app believes these when TRUST_PROXY names
        # the address of this balancer.
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $${name}_scheme;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header Forwarded '';

        # Tried at the next instance: what was not sent yet (any method), and what may be sent twice (GET, HEAD, PUT,
        # DELETE). A POST that was sent is not repeated: nobody knows how far it came.
        proxy_next_upstream error timeout;
        # At all of them, if need be: while a release is rolled out, all but one may be away.
        proxy_next_upstream_tries 0;
        proxy_next_upstream_timeout 10s;
        proxy_connect_timeout 1s;
        proxy_read_timeout ${answerSeconds}s;
        proxy_send_timeout 30s;
    }
}
`
}

const LEAST = `\
    # The next request goes to whoever answers the fewest at the moment.
    least_conn;`
const IN_TURN = `\
    # Each instance gets a request in turn: what nginx does when nothing else is said.`

function instances({ instances: all, checkSeconds }: Settled): string {
  return [
    `    # Three refused or broken connections in ${Math.ceil(checkSeconds)} s, and an instance is left alone for as long. Not one: a single broken`,
    '    # answer of each instance at the same time would leave nobody to ask.',
    ...all.map((one) => {
      const fails = all.length > 1 ? `max_fails=3 fail_timeout=${Math.ceil(checkSeconds)}s` : 'max_fails=0'
      return `    server ${addressOf(one)} ${fails}; # ${one.name}`
    }),
  ].join('\n')
}

function listen({ listen: { host, port }, tls }: Settled): string {
  const hosts = host === undefined ? ['', '[::]:'] : [`${addressOf({ host, port }).slice(0, -String(port).length)}`]
  const lines = hosts.map((prefix) => `    listen ${prefix}${port}${tls ? ' ssl http2' : ''};`)
  if (!tls) return lines.join('\n')
  return [
    '    # From nginx 1.25 on, http2 has a line of its own; this form still works, with a warning.',
    ...lines,
    `    ssl_certificate ${tls.certificate};`,
    `    ssl_certificate_key ${tls.key};`,
    '    ssl_protocols TLSv1.2 TLSv1.3;',
    '    ssl_session_cache shared:tls:10m;',
    '    ssl_session_timeout 1d;',
    '    # Tickets are encrypted with one key until nginx starts again: who gets it can read what was recorded.',
    '    ssl_session_tickets off;',
  ].join('\n')
}

function redirect({ listen: { host }, tls }: Settled): string {
  if (tls?.redirectPort === undefined) return ''
  return `\n${nginxPlainHttp({ listen: { ...(host !== undefined && { host }), port: tls.redirectPort } })}`
}

/** What answers plain HTTP where all else is TLS: it sends everybody to HTTPS, with method and body (308), since an API may
 *  be called by mistake as well. A site of its own when the first certificate is not there yet.
 *  @param challenges a folder in which certbot (`--webroot`) leaves what the certificate authority asks for */
export function nginxPlainHttp({ listen, challenges }: { listen: BalancerListen; challenges?: string }): string {
  const { host, port } = listen
  const addresses = host === undefined ? [`${port}`, `[::]:${port}`] : [addressOf({ host, port })]
  const away = 'return 308 https://$host$request_uri;'
  const body =
    challenges === undefined
      ? `    ${away}`
      : `    location /.well-known/acme-challenge/ {\n        root ${challenges};\n    }\n    location / {\n        ${away}\n    }`
  return `# Plain HTTP${challenges === undefined ? '' : ': proves to the certificate authority who is here, and'} sends everybody to HTTPS.
server {
${addresses.map((address) => `    listen ${address};`).join('\n')}
    server_tokens off;
${body}
}
`
}

function realAddress(trustedProxies: readonly string[]): string {
  if (trustedProxies.length === 0) return ''
  return [
    '',
    '    # Behind these proxies, the client is the last address in their header that is not one of them.',
    ...trustedProxies.map((one) => `    set_real_ip_from ${one};`),
    '    real_ip_header X-Forwarded-For;',
    '    real_ip_recursive on;',
    '',
  ].join('\n')
}

/** A proxy in front that ends TLS says so; nobody else is believed. */
function scheme({ trustedProxies, tls }: Settled, name: string): string {
  const own = tls ? 'https' : 'http'
  if (trustedProxies.length === 0) return `\nmap '' $${name}_scheme { default ${own}; }\n`
  return `
geo $realip_remote_addr $${name}_proxied {
    default 0;
${trustedProxies.map((one) => `    ${one} 1;`).join('\n')}
}
map $${name}_proxied$http_x_forwarded_proto $${name}_scheme {
    default ${own};
    1https  https;
    1http   http;
}
`
}

export interface NginxOptions extends BalancerOptions {
  /** A folder that nginx may write to, for its pid and its temporary files. */
  folder: string
}

/** A whole `nginx.conf` that serves this app alone: `nginx -c <file>`, also without root. */
export function nginxConfig({ folder, ...options }: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `worker_processes auto;
pid ${folder}/nginx.pid;
error_log stderr warn;
# A worker that is replaced ends its last connections after this time.
worker_shutdown_timeout 30s;
events { worker_connections 4096; }
http {
access_log off;
${temporary.map((one) => `${one}_temp_path ${folder}/${one};`).join('\n')}
${nginxSite(options)}}
`
}
