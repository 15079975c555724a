/** The six stages, and how to get from each to the next and back. Words are data here; `diff.ts` and the guide show them. */
import type { Stage } from './deploy.ts'

export interface StageFacts {
  stage: Stage
  name: string
  runs: string
  /** The measured signs that say it is time to leave. */
  leaveWhen: string
}

export const LADDER: readonly StageFacts[] = [
  {
    stage: 1,
    name: 'one machine',
    runs: 'nginx, the app (web, worker, crons) and Postgres on one machine',
    leaveWhen: 'Postgres and the app want the same memory or processor, or the data has to outlive the machine',
  },
  {
    stage: 2,
    name: 'database apart',
    runs: 'one machine for the app, one for Postgres',
    leaveWhen:
      'the processes of the one app machine are busy (event loop above 0.7), or a deploy may not depend on one machine',
  },
  {
    stage: 3,
    name: 'many instances',
    runs: 'a balancer, several app machines, workers apart, files in object storage, Postgres behind PgBouncer',
    leaveWhen: 'the primary is busy with reads',
  },
  {
    stage: 4,
    name: 'replicas',
    runs: 'as before, with read replicas, each behind a PgBouncer of its own',
    leaveWhen: 'jobs or hot reads take a large share of what the primary does',
  },
  {
    stage: 5,
    name: 'Redis',
    runs: 'as before, with Redis or Valkey for jobs, caches and limits',
    leaveWhen: 'one module needs another size, another pace of releases or another team than the rest',
  },
  {
    stage: 6,
    name: 'a module of its own',
    runs: 'as before, with one module as a service that is sized and scaled by itself, usually on Kubernetes',
    leaveWhen: 'never: more modules go the same way',
  },
]

export interface Move {
  from: Stage
  to: Stage
  /** What the environment says differently. */
  configuration: readonly string[]
  /** In this order. */
  steps: readonly string[]
  /** What can go wrong, and how that is noticed. */
  risks: readonly string[]
  /** How to get back, in this order. */
  back: readonly string[]
}

export const MOVES: readonly Move[] = [
  {
    from: 1,
    to: 2,
    configuration: ['DATABASE_URL=postgres://<app>_deploy:…@<database>:5432/<app>'],
    steps: [
      'Take a backup and prove it: tenfold backup && tenfold backup verify latest',
      'Set up the machine `database` from its folder and restore the backup there: tenfold restore latest --unpack --to <folder>',
      'Announce a few minutes without writes: stop the app (systemctl stop), so that nothing is written any more',
      'Restore up to the last moment: tenfold restore latest --until latest --unpack --to <folder>, start Postgres on it',
      'Put the new DATABASE_URL into the environment file, start the app, and look at /health/ready',
      'Stop the old Postgres after a day, not before',
    ],
    risks: [
      'SECRET_KEY has to stay the same: the passwords of the roles are derived from it. A wrong one shows as TF_DATABASE_UNREACHABLE with “password authentication failed”',
      'The firewall of the database machine lets in the addresses of app machines only: a forgotten one shows as a connection that times out',
      'Each query now costs a round trip (0.2 to 1 ms): routes with many queries get slower, and `tenfold` names them as N+1',
    ],
    back: [
      'Nothing was written to the new database yet: put the old DATABASE_URL back and start the old Postgres',
      'Otherwise back up the new database, restore it on the app machine, and put the old DATABASE_URL back',
    ],
  },
  {
    from: 2,
    to: 3,
    configuration: [
      'STORAGE_URL=s3://…',
      'DATABASE_URL=postgres://…@<database>:6432/<app>',
      'DATABASE_DIRECT_URL=postgres://…@<database>:5432/<app>',
      'TRUST_PROXY=<addresses of the balancers>',
    ],
    steps: [
      'Run `tenfold check` and the twin test: they name what assumes one instance',
      'Move the files: copy the storage folder to the bucket, set STORAGE_URL, copy once more what has come meanwhile',
      'Start PgBouncer on the database machine, point DATABASE_URL at it and DATABASE_DIRECT_URL past it; run `tenfold check`',
      'Set up the second app machine with the same environment file, and open it at the address that the balancer will use',
      'Set up the balancer, send it some requests, then point the domain at it (time to live of the record: one minute)',
      'Start workers and crons on their own machine, then start the app machines with web alone',
    ],
    risks: [
      'A secret key that differs between machines: people are signed out on every other request',
      'TRUST_PROXY forgotten: every request seems to come from the balancer, and all clients share one rate limit',
      'Postgres runs out of connections: `tenfold check` says for how many processes there is room',
      'Code that keeps something in its process: the twin test is for this',
    ],
    back: [
      'Point the domain at the one app machine again; the balancer may stay in front of it',
      'Start the app there with all roles; leave STORAGE_URL and PgBouncer as they are, they do no harm',
    ],
  },
  {
    from: 3,
    to: 4,
    configuration: ['DATABASE_REPLICA_URLS=postgres://…@<replica-1>:6432/<app>,postgres://…@<replica-2>:6432/<app>'],
    steps: [
      'On the primary: create the role for replication and one slot for each replica, as machines/database/setup.sh does',
      'On each replica: machines/replica/setup.sh copies the primary (pg_basebackup) and follows it',
      'Wait until the replicas have caught up: select application_name, replay_lag from pg_stat_replication',
      'Set DATABASE_REPLICA_URLS on one app machine, look at its reads in the console, then on all',
    ],
    risks: [
      'A replica that is gone holds back the log of the primary through its slot: max_slot_wal_keep_size bounds that',
      'A lagging replica is left out of reads by itself; when all lag, the primary gets all reads again: it must bear them for a while',
      'Reports that run long on a replica are cancelled when the primary removes rows they need: run those against a replica with max_standby_streaming_delay = -1 that serves no requests',
    ],
    back: [
      'Remove DATABASE_REPLICA_URLS and restart: all reads go to the primary',
      'Drop the slots: select pg_drop_replication_slot(…)',
    ],
  },
  {
    from: 4,
    to: 5,
    configuration: ['REDIS_URL=redis://…@<redis>:6379/0', "tenfold.config.ts: queue: { jobs: { '<name>': 'redis' } }"],
    steps: [
      'Set up the machine `redis`; its memory is bounded and it never evicts (maxmemory-policy noeviction)',
      'Set REDIS_URL everywhere; nothing uses it yet besides health checks',
      'Move one job to it in tenfold.config.ts, the busiest that need not be transactional; deploy; watch its queue',
      'Move the next ones',
    ],
    risks: [
      'Redis full: enqueues fail and wait in the outbox of Postgres; the alert on its memory comes first',
      'A job that has to exist exactly if a transaction commits stays exact, through the outbox, and begins a little later',
    ],
    back: [
      'Take the jobs out of `queue` in tenfold.config.ts and deploy: new ones go to Postgres',
      'Leave workers with REDIS_URL running until the queues on Redis are empty, then remove REDIS_URL',
    ],
  },
  {
    from: 5,
    to: 6,
    configuration: [
      'the service: tenfold start --modules <module>',
      'the workers: tenfold start --only worker,cron --modules <all others>',
    ],
    steps: [
      'Run `tenfold check`: the module may be reached through its contract only, and Postgres holds its tables apart',
      'Start the service beside the rest, with the same image and environment: tenfold start --modules <module>',
      'Let the balancer send the routes of the module there, if they need another size (tenfold routes lists them); the web part serves them, too',
      'Start the workers with all other modules, so that the jobs and crons of the module run in the service alone',
    ],
    risks: [
      'Each process holds connections of its own: `tenfold check` says for how many there is room',
      'Both run the same release of the contract, or contracts change in two steps, like a table',
      'Jobs of the module wait when nobody runs it any more: the alert on the age of a queue is for this',
    ],
    back: ['Start the workers with all modules, let the balancer send all routes to the web part', 'Stop the service'],
  },
]

export function stageFacts(stage: Stage): StageFacts {
  return LADDER.find((one) => one.stage === stage)!
}
