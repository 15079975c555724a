/** Opened once for each process: Next.js loads modules again when they change, and a route handler may be loaded more than once. */
import { openShop, type Shop } from '../shop.ts'

const kept = globalThis as { shop?: Promise<Shop> }

export function shop(): Promise<Shop> {
  return (kept.shop ??= openShop(process.env.DATABASE_URL!))
}
