import type { FindingCode } from '../verdict.ts'
import { bytes, count, ms, percent, short } from './numbers.ts'
import type { WordsOf } from './index.ts'

export const SCALE = {
  'too-few-workers': ({ n, s }) => ({
    title: 'Jobs come faster than they are done',
    claim: `${count(n('perSecond'))} jobs come in a second, ${count(n('grew'))} more wait than at the beginning, and the ${count(n('workers'))} workers are busy${n('workers') > 0 ? ` (mostly with ${s('job')})` : ''}.`,
    step: {
      title: `Run ${count(n('needed'))} jobs at a time, in a worker process of their own`,
      kind: 'configuration',
      text: `--- tenfold.config.ts\n+  worker: { concurrency: ${n('needed')} },\n# and, so that requests do not feel it:\ntenfold start --only worker`,
      cost: 'one more process',
      risk: 'low where jobs wait for others; where they compute, it needs a processor',
      wayBack: 'the number before',
      check: 'the queue becomes shorter',
    },
  }),
  'database-shares-host': ({ n }) => ({
    title: 'App and database fight for the processors of one machine',
    claim: `Of ${count(n('cores'))} cores the app takes ${n('app').toFixed(1)} and Postgres ${n('postgres').toFixed(1)}.`,
    step: {
      title: 'Move the database to a machine of its own',
      kind: 'configuration',
      text: `tenfold backup                                  # here\ntenfold restore <id> --to postgres://…@db:5432/app    # there\n--- .env\n+DATABASE_URL=postgres://…@db:5432/app`,
      cost: 'one more machine',
      risk: 'medium: minutes of standstill while the data moves, and a network between both afterwards',
      wayBack: 'DATABASE_URL as it was, and the data back',
      check: 'neither machine is above 70 %',
    },
  }),
  'database-taken': ({ n, s }) => ({
    title: 'Somebody else takes the database',
    claim: `${n('others').toFixed(1)} sessions that are none of this app work at a time, ${n('ours').toFixed(1)} of ours${n('cores') ? `, on ${count(n('cores'))} cores` : ''}. Seen most: \`${short(s('query'))}\`.`,
    step: {
      title: 'Let it run on a replica, at another time, or not at all',
      kind: 'sql',
      text: `select pid, usename, application_name, datname, now() - query_start as since, left(query, 80) from pg_stat_activity where state = 'active';\nselect pg_cancel_backend(<pid>);      -- ends the statement; pg_terminate_backend ends the session`,
      cost: 'none; for a replica one more machine',
      risk: 'whoever waits for its answer gets none',
      wayBack: 'run it again',
      check: 'only sessions of this app work',
    },
  }),
  'database-cpu': ({ n, s }) => ({
    title: 'The database has too little processor',
    claim: `${n('cpu').toFixed(1)} sessions work at once on ${n('cores') ? `${count(n('cores'))} cores` : 'its processors'}; no statement does more than it has to. ${percent(n('reads'))} of its time are reads, ${percent(n('ofTop'))} of it \`${short(s('query'), 60)}\`.`,
    step:
      n('reads') >= 0.8
        ? {
            title: n('keep') ? 'Cache the most frequent read, then add a replica' : 'Add a read replica',
            kind: 'configuration',
            text: `${n('keep') ? `m.cache('…', { ttl: '30s', load: … })            // of: ${short(s('query'), 60)}\n# if that is not enough:\n` : ''}DATABASE_REPLICA_URLS=postgres://…@replica-1:5432/app`,
            cost: n('keep') ? 'memory; for a replica one more machine' : 'one more machine',
            risk: 'low: what a request has written, it reads back (docs/guide/replicas.md)',
            wayBack: 'without the variable',
            check: 'sessions on the processor of the primary fall',
          }
        : {
            title: 'Give the database more processors',
            kind: 'configuration',
            text: '# a larger machine for the database; nothing changes here',
            cost: 'the larger machine',
            risk: 'low: a restart',
            wayBack: 'the smaller machine',
            check: 'sessions on the processor stay below the number of cores',
          },
  }),
  'disk-bound': ({ n }) => ({
    title: 'The database waits for its disk',
    claim:
      n('commit') > n('io')
        ? `${n('commit').toFixed(1)} sessions at a time wait until the log of what they have written is on the disk${n('commits') ? `, for ${count(n('commits'))} transactions in a second` : ''}.`
        : `${n('io').toFixed(1)} sessions at a time wait for pages; ${percent(n('fromDisk'))} of the pages came from disk.`,
    step: {
      title: n('commit') > n('io') ? 'Commit less often: several rows in one transaction' : 'Give Postgres more memory',
      kind: 'configuration',
      text:
        n('commit') > n('io')
          ? 'db.transaction((tx) => tx.insertInto(…).values(rows))      // one commit for all rows\n# or a faster disk for the log'
          : 'shared_buffers = 25 % of the memory      # postgresql.conf',
      cost: 'memory, or a faster disk',
      risk: 'low',
      wayBack: 'the setting before',
      check: 'fewer sessions wait for the disk',
    },
  }),
  'event-loop-full': ({ n }) => ({
    title: 'The event loop is full',
    claim: `The busiest process is busy ${percent(n('loop'))} of the time with the work of all its routes; the database has room.`,
    step: {
      title: `Run ${count(n('needed'))} instances instead of ${count(n('instances'))}`,
      kind: 'command',
      text: `tenfold twin                             # does it work when two of it run at once?\ntenfold start --processes ${n('needed')}              # on one machine; beyond its cores on more, behind a balancer`,
      cost: 'one core for each',
      risk: 'low if `tenfold twin` finds nothing that works for one instance only',
      wayBack: 'stop the added ones',
      check: 'each loop is below 70 %, and throughput rises with the instances',
    },
  }),
  'database-far': ({ n }) => ({
    title: 'The way to the database takes longer than its work',
    claim: `Each statement is ${ms(n('gapMs'))} on its way, ${n('calls').toFixed(1)} of them for each request.`,
    step: {
      title: 'Bring app and database closer together',
      kind: 'configuration',
      text: '# the same region and zone for both; until then fewer statements for each request (joins, loaders, caches)',
      cost: 'a move',
      risk: 'medium',
      wayBack: 'the place before',
      check: 'time on the way falls below 1 ms',
    },
  }),
  'replica-lags': ({ n, s }) => ({
    title: `${s('replica')} cannot follow the primary`,
    claim: `${s('replica')} is ${ms(n('lagMs'))} behind; reads that need newer rows go to the primary.`,
    step: {
      title: 'Find what keeps the replica from replaying',
      kind: 'sql',
      text: `-- on the replica: long reads that hold up the replay?\nselect pid, now() - query_start, query from pg_stat_activity where state = 'active' order by 2 desc;\n-- on the primary: write in smaller batches`,
      cost: 'none',
      risk: 'low',
      wayBack: 'nothing is changed',
      check: 'its lag falls below a second',
    },
  }),
  'needs-redis': ({ n, s }) => ({
    title: 'What instances share keeps the database busy',
    claim: `${percent(n('ofDatabase'))} of the server's time goes to what ${count(n('instances'))} instances share, ${s('first')} most of all.`,
    step: {
      title: 'Let Redis carry sessions, limits and shared values',
      kind: 'configuration',
      text: 'REDIS_URL=redis://redis:6379      # .env of every instance',
      cost: 'one more service',
      risk: 'low: Postgres keeps the truth, and the app goes on when Redis is away (docs/guide/redis.md)',
      wayBack: 'without the variable',
      check: "the server's time for it falls to nearly nothing",
    },
  }),
  'large-table': ({ n, s }) => ({
    title: `${s('table')} has outgrown the memory`,
    claim: `${s('table')} has ${count(n('rows'))} rows in ${bytes(n('bytes'))}, is added to and hardly changed, and statements on it take ${percent(n('ofServer'))} of the server's time, from disk.`,
    step: {
      title: `Partition ${s('table')} by time`,
      kind: 'sql',
      text: `-- a new table beside it, month by month; new rows go there, old ones follow in batches (docs/guide/migrations.md)\ncreate table ${s('table')}_parts (like ${s('table')} including defaults) partition by range (created_at);\ncreate table ${s('table')}_2026_01 partition of ${s('table')}_parts for values from ('2026-01-01') to ('2026-02-01');${n('deletes') > 0 ? '\n-- old rows then go with their month: drop table, instead of delete and vacuum' : ''}`,
      cost: 'a migration in several steps; the time has to be in every unique index',
      risk: 'medium: statements that do not name a time look into every part',
      wayBack: 'the old table, as long as both are written',
      check: 'plans name one or two parts; fewer pages come from disk',
    },
  }),
  'module-crowds-out': ({ n, s }) => ({
    title: `Module ${s('module')} crowds out the others`,
    claim: `With ${percent(n('ofRequests'))} of the requests ${s('module')} takes ${percent(n('ofLoops'))} of the time of ${count(n('instances'))} full instances.`,
    step: {
      title: `Give ${s('module')} processes of its own`,
      kind: 'command',
      text: `tenfold check --split ${s('module')}              # what blocks it, and what it would cost\ntenfold start --modules ${s('module')}            # on its host\nREMOTE_${s('module').toUpperCase()}_URL=http://${s('module')}.internal:3000 tenfold start      # on the others`,
      cost: 'one more host, and calls between both that take milliseconds',
      risk: 'medium: a call over the network can fail (docs/guide/splitting.md)',
      wayBack: 'without the variable',
      check: 'the loops of the others are below 70 %, and so are its own',
    },
  }),
  'host-is-busy': ({ n }) => ({
    title: n('held') ? 'A limit of the processors holds the app back' : 'The machine is taken by others',
    claim: `Other processes take ${percent(n('others'))} of the machine${n('steal') > 0.01 ? `, and other machines ${percent(n('steal'))}` : ''}${n('throttled') > 0.01 ? `; a limit holds the app back ${percent(n('throttled'))} of the time` : ''}.`,
    step: {
      title: 'Do nothing in the app: give it a machine of its own, or a higher limit',
      kind: 'command',
      text: n('held')
        ? 'cat /sys/fs/cgroup/cpu.max          # of the container; systemd: CPUQuota=, Docker: --cpus, Kubernetes: limits.cpu'
        : 'top          # who else is there?',
      cost: 'none in the app',
      risk: 'none',
      wayBack: 'nothing is changed',
      check: 'the same load on a quiet machine',
    },
  }),
} satisfies Partial<Record<FindingCode, WordsOf>>
