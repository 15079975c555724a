/** The six stages, and how to get from each to the next and back. Words are data here; `diff.ts` fills in the names of the
 *  app (`<app>` in Postgres, `<service>` as a service and folder, `<module>`), and the guide shows them. */
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
    configuration: ['DATABASE_URL=postgres://<app>_deploy:…@database:5432/<app>'],
    steps: [
      'Take a backup and prove it: tenfold backup && tenfold backup verify latest',
      'Set up the machine `database` with its setup.sh. The password that it prints is soon gone: the copy brings the one you have',
      'There, copy the running server through ssh, and let the copy follow it: systemctl stop postgresql@18-main; mv /var/lib/postgresql/18/main{,.empty}; ssh -fNL 5433:127.0.0.1:5432 root@app; PGPASSWORD=<the old one> runuser -u postgres -- pg_basebackup --host=127.0.0.1 --port=5433 --username=<app>_deploy --pgdata=/var/lib/postgresql/18/main --write-recovery-conf --checkpoint=fast --progress; systemctl start postgresql@18-main',
      'Announce a minute without writes, then stop the app: systemctl stop <service>',
      'Wait until the copy has all: `select pg_current_wal_lsn()` on the old server is `select pg_last_wal_replay_lsn()` on the new one. Then, on the new one: select pg_promote()',
      'Stop the old server, so that nobody writes to it by mistake: systemctl disable --now postgresql@18-main',
      'Put the new DATABASE_URL into /etc/<service>/env, start the app, look at /health/ready, then run setup.sh of the machine `app`',
      'Take a new backup. Keep the old data for a few days',
    ],
    risks: [
      'SECRET_KEY is not changed in this move: the passwords of the roles are derived from it (at another time it can be: “Changing SECRET_KEY” in docs/guide/configuration.md). A wrong one shows as TF_DATABASE_UNREACHABLE with “password authentication failed”',
      'The firewall of the database machine lets in the addresses of app machines only: a forgotten one shows as a connection that times out',
      'Each query now costs a round trip (0.2 to 1 ms): routes with many queries get slower, and `tenfold` names them as N+1',
    ],
    back: [
      'Nothing was written to the new database yet: start the old Postgres and put the old DATABASE_URL back',
      'Otherwise go the same way in the other direction: the new server is the one to copy, and the old data is moved aside',
    ],
  },
  {
    from: 2,
    to: 3,
    configuration: [
      'STORAGE_URL=s3://…',
      'DATABASE_URL=postgres://<app>_deploy:…@database:6432/<app>',
      'DATABASE_DIRECT_URL=postgres://<app>_deploy:…@database:5432/<app>',
      'TRUST_PROXY=<the network of the balancer>',
    ],
    steps: [
      'Run `tenfold check` and the twin test: they name what assumes one instance',
      'Move the files: copy /var/lib/<service>/files to the bucket, set STORAGE_URL and restart, copy once more what has come meanwhile',
      'On the database machine: setup.sh, then the list of users for PgBouncer (`tenfold deploy userlist`, with the SECRET_KEY of the app) in /etc/pgbouncer/userlist.txt, then systemctl enable --now pgbouncer',
      'On the app machine: point DATABASE_URL at PgBouncer and DATABASE_DIRECT_URL past it, run `tenfold check`, restart. The machine goes on as before; from now on it is called app-1 as well',
      'Set up app-2 and worker with the same environment file and the same release (tenfold deploy vm), and the balancer. Send it requests: curl --resolve <domain>:443:<its address>',
      'Let the domain point to the balancer (time to live of the record: one minute, set the day before), and wait until no request comes to app-1 past it',
      'Only now setup.sh on app-1: it opens port 3000 to the private network and closes 80 and 443. Backups run on the worker from here: systemctl disable --now <service>-backup.timer <service>-verify.timer nginx',
    ],
    risks: [
      'A secret key that differs between machines: people are signed out on every other request',
      'TRUST_PROXY forgotten: every request seems to come from the balancer, and all clients share one rate limit',
      'Postgres runs out of connections: `tenfold check` says for how many processes there is room',
      'Certificates: the balancer can get its own only when the domain points to it. Copy /etc/letsencrypt from app-1 before',
      'setup.sh on app-1 too early: its firewall closes the web while the domain still points there',
      'Code that keeps something in its process: the twin test is for this',
    ],
    back: [
      'Write the files of stage 2 again and run setup.sh of the machine `app` on app-1: it answers to the web, with all roles',
      'Let the domain point to it. STORAGE_URL and PgBouncer may stay as they are, they do no harm',
      'Stop the other machines when no request comes to them any more',
    ],
  },
  {
    from: 3,
    to: 4,
    configuration: ['DATABASE_REPLICA_URLS=postgres://<app>_deploy:…@replica-1:6432/<app>, one for each replica'],
    steps: [
      'On the primary: setup.sh (it lets the role for replication log in), then database.sql, which makes that role and a slot for each replica: runuser -u postgres -- psql --set=password=<of the replication> --file=database.sql',
      'On each replica: PRIMARY_PASSWORD=<of the replication> SLOT=replica_1 ./setup.sh copies the primary and follows it',
      'There, too: the list of users for PgBouncer (`tenfold deploy userlist`) in /etc/pgbouncer/userlist.txt',
      'Wait until they have caught up, on the primary: select application_name, replay_lag from pg_stat_replication',
      'Set DATABASE_REPLICA_URLS on one app machine and restart it, look at its reads in the console, then on all',
    ],
    risks: [
      'A replica that is gone holds back the log of the primary through its slot: max_slot_wal_keep_size bounds that',
      'A lagging replica is left out of reads by itself; when all lag, the primary gets all reads again: it must bear them for a while',
      'Reports that run long on a replica are cancelled when the primary removes rows they need: run those against a replica with max_standby_streaming_delay = -1 that serves no requests',
    ],
    back: [
      'Remove DATABASE_REPLICA_URLS and restart: all reads go to the primary',
      'Stop the replicas, then drop their slots on the primary: select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name like $$replica_%$$',
    ],
  },
  {
    from: 4,
    to: 5,
    configuration: ['REDIS_URL=redis://:…@redis:6379/0', "tenfold.config.ts: queue: { jobs: { '<name>': 'redis' } }"],
    steps: [
      'Set up the machine `redis`; its memory is bounded and it never evicts (maxmemory-policy noeviction)',
      'Set REDIS_URL (setup.sh printed the password) on all machines of the app and restart them, one after the other: caches, limits and copies of sessions are shared there from now on, jobs stay in Postgres',
      'Move one job to it in tenfold.config.ts, the busiest that need not be transactional; deploy; watch its queue',
      'Move the next ones',
    ],
    risks: [
      'While only some machines have REDIS_URL, limits are counted in two places: for those minutes a client may do twice as much',
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
