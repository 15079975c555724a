/** What machines cost: an example to be replaced, in the order of what European clouds asked for shared-nothing machines in 2025.
 *  `tenfold plan prices > prices.json`, change it, and give it back with `--prices`. */

export interface Machine {
  name: string
  cores: number
  /** A month. */
  price: number
}

export interface Prices {
  currency: string
  /** For the app, and for one machine that does everything. */
  app: Machine[]
  /** For Postgres, replicas included. */
  database: Machine[]
  /** A machine for the balancer, needed as soon as there are two for the app. */
  balancer: number
  /** For a shared cache, when it is asked for. */
  cache: number
}

export const DEFAULT_PRICES: Prices = {
  currency: 'EUR',
  app: [
    { name: '2 cores', cores: 2, price: 15 },
    { name: '4 cores', cores: 4, price: 30 },
    { name: '8 cores', cores: 8, price: 60 },
    { name: '16 cores', cores: 16, price: 120 },
  ],
  database: [
    { name: '2 cores', cores: 2, price: 20 },
    { name: '4 cores', cores: 4, price: 45 },
    { name: '8 cores', cores: 8, price: 100 },
    { name: '16 cores', cores: 16, price: 220 },
    { name: '32 cores', cores: 32, price: 480 },
    { name: '48 cores', cores: 48, price: 760 },
  ],
  balancer: 10,
  cache: 40,
}
