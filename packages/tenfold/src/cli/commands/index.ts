import type { CommandEntry } from '../command.ts'

/** In the order of the overview. What a command needs is loaded when it is asked for, not with the table: most of what is behind
 *  `tenfold start` is of no use to `tenfold help`. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'dev',
    about: 'run the app and start it again whenever a file changes',
    load: async () => (await import('./dev.ts')).dev,
  },
  {
    name: 'start',
    about: 'run the app: web, worker, crons and console, or some of them',
    load: async () => (await import('./start.ts')).start,
  },
  {
    name: 'reload',
    about: 'replace the processes of the running app one by one, without losing a request',
    load: async () => (await import('./reload.ts')).reload,
  },
  {
    name: 'check',
    about:
      'check configuration, module boundaries and names; show what is bound and what would break with two instances',
    load: async () => (await import('./check.ts')).check,
  },
  {
    name: 'routes',
    about: 'list the routes of the app: who may call them, and their limits',
    load: async () => (await import('./routes.ts')).routes,
  },
  {
    name: 'twin',
    about: 'run two or more instances of any HTTP server at once, and name what works for one only',
    load: async () => (await import('./twin.ts')).twin,
  },
  {
    name: 'record',
    about: 'record what people do with an app, to be sent again by the twin test and by load tests',
    load: async () => (await import('./record.ts')).record,
  },
  {
    name: 'migrate check',
    about: 'say whether the migrations are safe to apply while the app runs; exits 1 when one is not',
    load: async () => (await import('./migrate.ts')).migrateCheck,
  },
  {
    name: 'migrate up',
    about: 'apply the migrations that the database lacks',
    load: async () => (await import('./migrate.ts')).migrateUp,
  },
  {
    name: 'migrate status',
    about: 'show which migrations are applied, pending, changed or missing; exits 1 unless all are applied',
    load: async () => (await import('./migrate.ts')).migrateStatus,
  },
  {
    name: 'migrate new',
    about: 'begin a new migration file',
    load: async () => (await import('./migrate.ts')).migrateNew,
  },
  {
    name: 'types',
    about: "write each module's tables.gen.ts from the migrated database",
    load: async () => (await import('./types.ts')).types,
  },
  {
    name: 'indexes',
    about: 'advise which indexes to create and to drop, from what the app asks; exits 1 when there is something to do',
    load: async () => (await import('./indexes.ts')).indexes,
  },
  {
    name: 'load',
    about: 'load the app as users do: latencies, errors, the knee; exits 1 when a threshold or the baseline is missed',
    load: async () => (await import('./load.ts')).load,
  },
  {
    name: 'load list',
    about: 'list the kept load runs, newest first',
    load: async () => (await import('./load-results.ts')).loadList,
  },
  {
    name: 'load compare',
    about: 'say whether it got slower from one run to another, with what chance; exits 1 when it did',
    load: async () => (await import('./load-results.ts')).loadCompare,
  },
  {
    name: 'load k6',
    about: 'print a scenario, or one route, as a script for k6',
    load: async () => (await import('./load-results.ts')).loadK6,
  },
  {
    name: 'load client',
    about: 'print the types of the app’s routes, for scenarios',
    load: async () => (await import('./load-results.ts')).loadClient,
  },
  {
    name: 'plan',
    about: 'say which machines so many users or requests need, and what that costs, from what was measured',
    load: async () => (await import('./plan.ts')).plan,
  },
  {
    name: 'plan curve',
    about: 'show what is needed from a hundred to ten million users, and from where on which step',
    load: async () => (await import('./plan.ts')).planCurve,
  },
  {
    name: 'plan demands',
    about: 'print what each route and job needs, as JSON; changed, it can be planned with: --demands',
    load: async () => (await import('./plan.ts')).planDemands,
  },
  {
    name: 'plan prices',
    about: 'print the machines and prices that plans are made of, as JSON; changed, they are given with --prices',
    load: async () => (await import('./plan.ts')).planPrices,
  },
  {
    name: 'advise',
    about: 'say what limits the app, how much room is left, and the one next step; exits 1 when there is one',
    load: async () => (await import('./advise.ts')).advise,
  },
  {
    name: 'evidence',
    about: 'print what the advisor judges by, as one JSON value without secrets and personal data',
    load: async () => (await import('./advise.ts')).evidence,
  },
  {
    name: 'mcp',
    about: 'let an assistant ask the advisor: a Model Context Protocol server on standard input and output',
    load: async () => (await import('./mcp.ts')).mcp,
  },
  {
    name: 'backup',
    about: 'back up the database: the whole server where it can be had, else a dump',
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'backup list',
    about: 'list the backups, newest first, and how far the archived log reaches',
    load: async () => (await import('./backup.ts')).backupList,
  },
  {
    name: 'backup verify',
    about: 'prove a backup: restore it into a server of its own and compare every table; exits 1 if something differs',
    load: async () => (await import('./backup.ts')).backupVerify,
  },
  {
    name: 'restore',
    about: 'restore a backup to a folder or an address; what is there is replaced with --force only',
    load: async () => (await import('./backup.ts')).restore,
  },
  {
    name: 'deploy',
    about: 'write the files that a stage needs: systemd, Postgres, firewall, Compose, Kubernetes, …',
    load: async () => (await import('./deploy.ts')).deploy,
  },
  {
    name: 'deploy diff',
    about: 'show what changes between two stages: in which order, what can go wrong, how to go back',
    load: async () => (await import('./deploy.ts')).deployDiff,
  },
  {
    name: 'deploy userlist',
    about: "print the names and passwords of the app's roles, for PgBouncer; needs SECRET_KEY",
    load: async () => (await import('./deploy.ts')).deployUserlist,
  },
  {
    name: 'deploy vm',
    about: 'release the app to a machine over ssh: upload, migrate, switch, and back when it does not get ready',
    load: async () => (await import('./deploy-vm.ts')).deployVm,
  },
  {
    name: 'alerts list',
    about: 'list the alert rules and how they stand, those that fire first; exits 1 if one fires',
    load: async () => (await import('./alerts.ts')).alertsList,
  },
  {
    name: 'alerts silence',
    about: 'tell nobody about a rule for a while; without a rule, about none',
    load: async () => (await import('./alerts.ts')).alertsSilence,
  },
  {
    name: 'alerts acknowledge',
    about: 'say that somebody looks after what fires of a rule: it is not told again, nor escalated',
    load: async () => (await import('./alerts.ts')).alertsAcknowledge,
  },
  {
    name: 'alerts test',
    about: 'send a test through a channel; without one it lists them',
    load: async () => (await import('./alerts.ts')).alertsTest,
  },
  {
    name: 'alerts export',
    about: 'print the alert rules for Prometheus',
    load: async () => (await import('./alerts.ts')).alertsExport,
  },
  {
    name: 'jobs list',
    about: 'list jobs, newest first',
    load: async () => (await import('./jobs.ts')).jobsList,
  },
  {
    name: 'jobs show',
    about: 'show one job: payload, errors, result',
    load: async () => (await import('./jobs.ts')).jobsShow,
  },
  {
    name: 'jobs retry',
    about: 'run a dead job again (or a delayed one at once)',
    load: async () => (await import('./jobs.ts')).jobsRetry,
  },
  {
    name: 'jobs discard',
    about: 'delete a job that is dead or has not begun',
    load: async () => (await import('./jobs.ts')).jobsDiscard,
  },
  {
    name: 'jobs cancel',
    about: 'end a job: one that runs has its signal aborted',
    load: async () => (await import('./jobs.ts')).jobsCancel,
  },
  {
    name: 'jobs pause',
    about: 'hold back all jobs of a name, in all processes; without a name: what is held back',
    load: async () => (await import('./jobs.ts')).jobsPause,
  },
  {
    name: 'jobs resume',
    about: 'let the jobs of a name go on',
    load: async () => (await import('./jobs.ts')).jobsResume,
  },
  {
    name: 'webhooks list',
    about: 'list the endpoints that webhooks are sent to, the failing ones first',
    load: async () => (await import('./webhooks.ts')).webhooksList,
  },
  {
    name: 'webhooks show',
    about: 'show what was sent to an endpoint, and what it answered',
    load: async () => (await import('./webhooks.ts')).webhooksShow,
  },
  {
    name: 'webhooks retry',
    about: 'send one delivery again, also one that has arrived',
    load: async () => (await import('./webhooks.ts')).webhooksRetry,
  },
  {
    name: 'webhooks replay',
    about: 'send again what an endpoint has missed since a time, or all of it',
    load: async () => (await import('./webhooks.ts')).webhooksReplay,
  },
  {
    name: 'webhooks enable',
    about: 'send to a disabled endpoint again',
    load: async () => (await import('./webhooks.ts')).webhooksEnable,
  },
]
