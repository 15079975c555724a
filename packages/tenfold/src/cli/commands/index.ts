import type { Command } from '../command.ts'
import { advise, evidence } from './advise.ts'
import { alertsAcknowledge, alertsExport, alertsList, alertsSilence, alertsTest } from './alerts.ts'
import { backup, backupList, backupVerify, restore } from './backup.ts'
import { check } from './check.ts'
import { deploy, deployDiff, deployUserlist } from './deploy.ts'
import { deployVm } from './deploy-vm.ts'
import { dev } from './dev.ts'
import { indexes } from './indexes.ts'
import { jobsCancel, jobsDiscard, jobsList, jobsPause, jobsResume, jobsRetry, jobsShow } from './jobs.ts'
import { load } from './load.ts'
import { loadClient, loadCompare, loadK6, loadList } from './load-results.ts'
import { mcp } from './mcp.ts'
import { migrateCheck, migrateNew, migrateStatus, migrateUp } from './migrate.ts'
import { plan, planCurve, planDemands, planPrices } from './plan.ts'
import { reload } from './reload.ts'
import { routes } from './routes.ts'
import { start } from './start.ts'
import { twin } from './twin.ts'
import { types } from './types.ts'

/** In the order of the overview. */
export const commands: readonly Command[] = [
  dev,
  start,
  reload,
  check,
  routes,
  twin,
  migrateCheck,
  migrateUp,
  migrateStatus,
  migrateNew,
  types,
  indexes,
  load,
  loadList,
  loadCompare,
  loadK6,
  loadClient,
  plan,
  planCurve,
  planDemands,
  planPrices,
  advise,
  evidence,
  mcp,
  backup,
  backupList,
  backupVerify,
  restore,
  deploy,
  deployDiff,
  deployUserlist,
  deployVm,
  alertsList,
  alertsSilence,
  alertsAcknowledge,
  alertsTest,
  alertsExport,
  jobsList,
  jobsShow,
  jobsRetry,
  jobsDiscard,
  jobsCancel,
  jobsPause,
  jobsResume,
]
