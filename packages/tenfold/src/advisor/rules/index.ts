/** All rules, in the order in which causes come before their symptoms: where two explain as much, the first is named. */
import type { Rule } from '../rule.ts'
import { largeTable, moduleCrowdsOut, needsRedis } from './architecture.ts'
import { noisyClient } from './clients.ts'
import { connectPerRequest, databaseFar, poolTooSmall, tooManyConnections } from './connections.ts'
import { costlyQuery } from './costly-query.ts'
import { cronInterferes } from './cron.ts'
import { cpuBoundRoute, eventLoopFull, eventLoopStalls } from './event-loop.ts'
import { jobsStandStill, poisonJob, tooFewWorkers } from './jobs.ts'
import { lockContention, longTransaction } from './locks.ts'
import { heapFull, lowHitRatio, memoryGrows } from './memory.ts'
import { missingIndex } from './missing-index.ts'
import { nPlusOne } from './n-plus-one.ts'
import { cacheStampede, hotKey, repeatedReads } from './repeats.ts'
import { overFetch, slowCall } from './requests.ts'
import { routeFails } from './route-fails.ts'
import {
  databaseCpu,
  databaseSharesHost,
  databaseTaken,
  deadRows,
  diskBound,
  hostIsBusy,
  replicaLags,
} from './server.ts'
import { unseenWait } from './unseen-wait.ts'

export const RULES: readonly Rule[] = [
  nPlusOne,
  slowCall,
  longTransaction,
  lockContention,
  overFetch,
  missingIndex,
  costlyQuery,
  cacheStampede,
  poisonJob,
  memoryGrows,
  eventLoopStalls,
  cpuBoundRoute,
  unseenWait,
  routeFails,
  noisyClient,
  heapFull,
  connectPerRequest,
  deadRows,
  jobsStandStill,
  tooManyConnections,
  poolTooSmall,
  cronInterferes,
  databaseTaken,
  databaseFar,
  tooFewWorkers,
  databaseSharesHost,
  lowHitRatio,
  hotKey,
  repeatedReads,
  databaseCpu,
  diskBound,
  eventLoopFull,
  replicaLags,
  needsRedis,
  largeTable,
  moduleCrowdsOut,
  hostIsBusy,
]
