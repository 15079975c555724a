/** What a load balancer in front of the instances of an app has to know. */
export interface BalancerOptions {
  /** The app's name: of the group of instances. */
  app: string
  /** Where the instances listen. For blue/green deploys name both colours: one that is not there costs nothing. */
  instances: readonly BalancedInstance[]
  /** Where the balancer listens. */
  listen: BalancerListen
  /** Absent: plain HTTP. */
  tls?: BalancerTls
  /** Who gets the next request: each in turn, or whoever answers the fewest at the moment. Defaults to `least-connections`,
   *  which is kinder to instances that have just started or are busy. */
  method?: 'round-robin' | 'least-connections'
  /** Proxies in front of this balancer (a CDN), as addresses or networks: the last address in their `X-Forwarded-For` is
   *  taken for the client's. None by default: what a client says there is thrown away. */
  trustedProxies?: readonly string[]
  /** Seconds between two health checks of an instance (HAProxy), or for which one that failed is left alone (nginx).
   *  Defaults to 1. */
  checkSeconds?: number
  /** Seconds that an instance may be silent while it answers. Longer than the longest `timeout` of a route, and than the
   *  30 s between two signs of life on live connections. Defaults to 60. */
  answerSeconds?: number
  /** Megabytes of a request body; of nginx only. Defaults to 110, a little more than the app's own limit for streams. */
  bodyMegabytes?: number
}

export interface BalancedInstance {
  /** `app-1`: in the balancer's log and status. */
  name: string
  host: string
  port: number
  /** The host's name stands for so many addresses at most, and which they are may change: HAProxy asks for them again and
   *  again, nginx once, when it starts. Defaults to one address. */
  upTo?: number
}

export interface BalancerListen {
  /** All addresses by default. */
  host?: string
  port: number
}

export interface BalancerTls {
  /** A file with the certificate and those above it, PEM. HAProxy: with the private key in the same file. */
  certificate: string
  /** A file with the private key, PEM; of nginx only. */
  key: string
  /** Where plain HTTP is answered by a redirect. Absent: nowhere. */
  redirectPort?: number
}

/** The options with all defaults, checked. Throws TF_BALANCER_OPTIONS. */
export interface Settled extends Required<Omit<BalancerOptions, 'tls'>> {
  tls: BalancerTls | undefined
}
