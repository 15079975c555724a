import { openBullmq } from './bullmq.ts'
import { openGraphile } from './graphile-worker.ts'
import { openPgBoss } from './pg-boss.ts'
import { openRaw } from './raw.ts'
import { openTenfold } from './tenfold.ts'
import type { Place, System } from './system.ts'

export const OURS = 'tenfold'
export const BULLMQ = 'BullMQ on Redis'
export const PG_BOSS = 'pg-boss'
export const GRAPHILE = 'graphile-worker'
export const RAW = 'raw SQL'

export const SYSTEMS: Record<string, (place: Place) => Promise<System>> = {
  [OURS]: openTenfold,
  [BULLMQ]: openBullmq,
  [PG_BOSS]: openPgBoss,
  [GRAPHILE]: openGraphile,
  [RAW]: openRaw,
}

export const PEERS = {
  bullmq: '6.7.0',
  ioredis: '6.0.0',
  'pg-boss': '12.35.0',
  'graphile-worker': '0.18.0',
  pg: '8.23.1',
}
