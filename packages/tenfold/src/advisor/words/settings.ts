import type { FindingCode } from '../verdict.ts'
import { bytes, count, ms, percent, short } from './numbers.ts'
import type { WordsOf } from './index.ts'

const RESTART = { cost: 'a restart' }

export const SETTINGS = {
  'pool-too-small': ({ n }, { share }) => ({
    title: 'Requests wait for a connection while the database is idle',
    claim: `All ${count(n('max'))} connections of a process are in use and ${count(n('waiting'))} requests wait for one: ${percent(share)} of the time of all requests. The server has room.`,
    step: {
      title: `Raise the connections of a process from ${count(n('max'))} to ${count(n('wanted'))}`,
      kind: 'configuration',
      text: `--- tenfold.config.ts\n+++ tenfold.config.ts\n-  database: { connections: ${n('max')} },\n+  database: { connections: ${n('wanted')} },`,
      ...RESTART,
      risk: `low: all instances together stay below the ${count(n('limit'))} that the server allows`,
      wayBack: 'the number before',
      check: 'nobody waits for a connection; the server works more',
    },
  }),
  'connect-per-request': ({ n }) => ({
    title: 'A new connection is opened for nearly each request',
    claim: `${n('perRequest').toFixed(1)} new sessions for each request: to log in costs the server more than most requests do.`,
    step: {
      title: 'Keep connections and use them again',
      kind: 'code',
      text: `// through the module's own db, which has a pool, instead of a client made in the handler:\nhandler: ({ db }) => db.selectFrom('…')\n// many short processes: put PgBouncer before the database (docs/guide/pgbouncer.md)`,
      cost: 'a change in the code and a release',
      risk: 'low',
      wayBack: 'the release before',
      check: 'new sessions for each request fall to nearly none',
    },
  }),
  'too-many-connections': ({ n }) => ({
    title: 'The database is nearly out of connections',
    claim: `${count(n('connections'))} of ${count(n('max'))} connections are taken, and ${n('working') < 0.5 ? 'hardly one of them works' : `${n('working').toFixed(1)} of them work at a time`}.`,
    step:
      n('pooler') || n('fewer')
        ? {
            title: 'Give each process fewer connections',
            kind: 'configuration',
            text: `-  database: { connections: ${n('poolSize')} },\n+  database: { connections: ${n('fewer') || Math.max(2, Math.floor(n('poolSize') / 2))} },`,
            ...RESTART,
            risk: 'requests may wait for a connection: look at the next verdict',
            wayBack: 'the number before',
            check: 'connections fall',
          }
        : {
            title: 'Put PgBouncer in transaction mode before the database',
            kind: 'configuration',
            text: `--- .env\n+++ .env\n-DATABASE_URL=postgres://…@db:5432/app\n+DATABASE_URL=postgres://…@pgbouncer:6432/app\n+DATABASE_DIRECT_URL=postgres://…@db:5432/app`,
            cost: 'one more small service',
            risk: 'low: nothing here needs a session (docs/guide/pgbouncer.md)',
            wayBack: 'the address before',
            check: 'connections of the server fall, and p95 stays',
          },
  }),
  'noisy-client': ({ n, s, has }) => ({
    title: 'One client sends more than all others together',
    claim: `Of ${count(n('clients'))} clients one sends ${percent(n('ofRequests'))} of the requests (${count(n('own'))} in a second; the others ${n('others').toFixed(1)} each) and takes ${percent(n('ofTime'))} of their time.`,
    step: {
      title: `Limit how much one client may ask${has('route') ? ` of ${s('route')}` : ''}`,
      kind: 'code',
      text: `m.route('${s('route')}', {\n  limit: { by: 'user', max: ${Math.max(10, Math.ceil(n('others') * 60 * 5))}, per: '1m' },      // by: 'key' for keys of an API, 'ip' for pages without sign-in\n  …\n})`,
      cost: 'a change in the code and a release; a word with whoever it is',
      risk: 'who asks more than that gets 429: choose the number by what others need, with room',
      wayBack: 'the release before',
      check: 'no client has half of the requests; the others are as quick as without it',
    },
  }),
  'hot-key': ({ n, s }) => ({
    title: `Everybody reads the same row in ${s('route')}`,
    claim: `${percent(n('top'))} of the calls of \`${short(s('query'))}\` are for one and the same row; they take ${percent(n('ofServer'))} of the server's time.`,
    step: {
      title: `Keep it for some seconds in ${s('route')}`,
      kind: 'code',
      text: `const one = m.cache('…', { ttl: '10s', staleFor: '1m', load: (id, { db }) => … })      // of: ${short(s('query'), 60)}\nhandler: ({ params }) => one.get(params.id)\n// where it is written, in the same transaction: await one.invalidate(id, { tx })`,
      cost: 'memory; a change in the code and a release',
      risk: 'low with the invalidation; without it others see what is up to ten seconds old',
      wayBack: 'the release before',
      check: 'the statement runs less often; its route is quicker',
    },
  }),
  'repeated-reads': ({ n, s }) => ({
    title: `${s('route')} asks again for what it has just read`,
    claim: `${percent(n('again'))} of the calls of \`${short(s('query'))}\` ask for what was asked within the same seconds; the statement takes ${percent(n('ofServer'))} of the server's time.`,
    step: {
      title: `Cache what ${s('route')} reads`,
      kind: 'code',
      text: `const kept = m.cache('…', { ttl: '30s', staleFor: '1m', load: (key, { db }) => … })      // of: ${short(s('query'), 60)}\n// where it is written, in the same transaction: await kept.invalidate(key, { tx })`,
      cost: 'memory; a change in the code and a release',
      risk: 'low with the invalidation; without it others see what is up to the ttl old',
      wayBack: 'the release before',
      check: `about ${percent(n('again'))} fewer calls of the statement`,
    },
  }),
  'dead-rows': ({ n, s }) => ({
    title: `${s('table')} is full of dead rows`,
    claim: `${s('table')} has ${count(n('dead'))} dead rows beside ${count(n('rows'))} live ones; every scan reads them.`,
    step: {
      title: `Clean up ${s('table')}, and let it be cleaned up sooner`,
      kind: 'sql',
      text: `vacuum (analyze) ${s('table')};\nalter table ${s('table')} set (autovacuum_vacuum_scale_factor = 0.02);`,
      cost: 'some reading and writing while it runs',
      risk: 'low: vacuum takes no lock that stops readers or writers',
      wayBack: `alter table ${s('table')} reset (autovacuum_vacuum_scale_factor);`,
      check: 'dead rows stay below a fifth of the live ones',
    },
  }),
  'cron-interferes': ({ n, s }) => ({
    title: `Requests are slow while the cron ${s('cron')} runs`,
    claim: `In ${count(n('runs'))} runs of ${s('cron')}, requests took ${n('ratio').toFixed(1)} times as long as between them (${ms(n('insideMs'))} on average).`,
    step: {
      title: `Move ${s('cron')} out of the way of users`,
      kind: 'configuration',
      text: `# on a process of its own:\ntenfold start --only web\ntenfold start --only worker,cron\n# or at night, or in smaller batches with a pause between them`,
      cost: 'one more process',
      risk: 'low',
      wayBack: 'all roles in one process again',
      check: 'p95 is the same inside and outside of its runs',
    },
  }),
  'low-hit-ratio': ({ n, s }) => ({
    title: `Cache ${s('cache')} seldom has what it is asked for`,
    claim: `Of ${count(n('asked'))} questions ${count(n('hits'))} were answered from ${s('cache')}${n('evictions') > 0 ? `; ${count(n('evictions'))} entries had to go for lack of room` : ''}.`,
    step: {
      title: `Keep entries of ${s('cache')} longer, or give it fewer keys`,
      kind: 'code',
      text: `m.cache('${s('cache')}', { ttl: '10m', staleFor: '1h', … })      // and keys that several users share`,
      cost: 'memory',
      risk: 'low',
      wayBack: 'the setting before',
      check: 'more than half is answered from the cache',
    },
  }),
  'heap-full': ({ n }) => ({
    title: n('near')
      ? 'The heap is nearly full, and garbage is collected all the time'
      : 'Garbage collection takes much of the time',
    claim: `${percent(n('gc'))} of the time goes to garbage collection; ${bytes(n('heap'))} of ${bytes(n('limit'))} are in use.`,
    step: {
      title: !n('near')
        ? 'Give short-lived objects more room'
        : n('room')
          ? 'Give the process more memory'
          : 'Keep less in memory, or give the machine more: it has none left for the process',
      kind: 'configuration',
      text: n('near')
        ? n('room')
          ? `NODE_OPTIONS=--max-old-space-size=${Math.floor(n('wanted') / 1024 ** 2)}      # MB; what it has in use is worth a look, too (heap snapshot)`
          : 'NODE_OPTIONS=--heapsnapshot-signal=SIGUSR2      # then kill -USR2 <pid>: what is in use, and who holds it'
        : 'NODE_OPTIONS=--max-semi-space-size=64      # MB; and fewer large objects in each request (--heap-prof tells whose)',
      ...RESTART,
      risk: 'the machine has to have that memory',
      wayBack: 'without the variable',
      check: 'time in garbage collection falls below 5 %',
    },
  }),
  'jobs-stand-still': ({ n, s }) => {
    const busy = n('busy') < 0.2 ? 'hardly busy' : `busy ${percent(n('busy'))} of the time`
    const [why, title, text] = STILL[s('why')]?.(s('job')) ?? STILL['not taken']!('')
    return {
      title: s('why') === 'held' ? `A limit of ${s('job')} lets its jobs wait` : 'Jobs come and are not taken',
      claim: `${count(n('grew'))} more jobs wait than before and ${n('finished') ? `only ${count(n('finished'))} were` : 'none was'} done: ${why
        .replace('#running', n('running').toFixed(1))
        .replace('#held', count(n('held')))
        .replace('#busy', busy)}.`,
      step: {
        title,
        kind: s('why') === 'held' ? 'code' : 'command',
        text,
        cost: s('why') === 'held' ? 'a change in the code and a release' : 'none, or one more process',
        risk:
          s('why') === 'held'
            ? 'what the limit protects gets more at a time; where it is meant, nothing is wrong'
            : 'low: what waits is done then, all at once',
        wayBack: s('why') === 'held' ? 'the limit before' : 'the process ended again',
        check: 'the queue becomes shorter',
      },
    }
  },
} satisfies Partial<Record<FindingCode, WordsOf>>

/** Why jobs stand still, and what is to be done: the cause, the step, and its text. */
const STILL: Readonly<Record<string, (job: string) => readonly [why: string, title: string, text: string]>> = {
  'no worker': () => ['no process has the role worker', 'Start a worker', 'tenfold start --only worker'],
  'never ends': () => [
    '#running are being worked on at a time and do not end',
    'Let those jobs end that never do',
    'tenfold jobs list --state running      # which, and since when\n# in the code, for what they wait for: AbortSignal.timeout(…); a job has a timeout of its own: m.job(name, { timeout: … })',
  ],
  held: (job) => [
    `#held wait for a limit of their own, most of them ${job}; the workers are #busy`,
    `Let ${job} run more often at a time, where its limit is not meant`,
    `m.job('${job.split('.').at(-1)!}', { concurrency: { limit: … }, … })      // or rate: { … }: whichever it has in the code`,
  ],
  'not taken': () => [
    'the workers are #busy',
    'See whether the workers run, and whether the queue is paused',
    'tenfold jobs                       # paused ones say so: tenfold jobs resume <name>\ntenfold start --only worker        # where none runs',
  ],
}
