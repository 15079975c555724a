import type { FindingCode } from '../verdict.ts'
import { bytes, count, ms, percent, short } from './numbers.ts'
import type { WordsOf } from './index.ts'

const DEPLOY = { cost: 'a change in the code and a release', wayBack: 'the release before' }

export const CODE = {
  'missing-index': ({ n, s, has }, { share }) => {
    const table = has('table') ? s('table') : 'the table'
    const [, bare = 'table'] = table.split('.')
    const columns = s('columns') || 'the columns of its conditions'
    const name = `${bare}_${columns.replaceAll(/\W+/g, '_')}`
    return {
      title: `A query scans ${table} for lack of an index`,
      claim: `\`${short(s('query'))}\`${has('route') ? ` in ${s('route')}` : ''} takes ${ms(n('meanMs'))} of the server each time, because it reads ${has('pages') ? `all ${count(n('pages'))} pages of ` : 'far too much of '}${table}; ${percent(share)} of the time of all requests is spent on it or behind it.`,
      step: {
        title: `Create an index on ${table} (${columns})`,
        kind: 'sql',
        text: has('columns')
          ? `--! phase: expand\n--! transaction: none\ncreate index concurrently ${name} on ${bare} (${columns});`
          : 'tenfold indexes',
        cost: 'disk, and a little more work for each write of the table',
        risk: 'low: it is built beside running traffic; `tenfold indexes` tries it on a copy of the statistics first',
        wayBack: `drop index concurrently ${name};`,
        check: 'EXPLAIN shows the index; pages in each call fall',
      },
    }
  },
  'n-plus-one': ({ n, s, has }) => ({
    title: `${s('route')} asks the database once for each row`,
    claim: `${s('route')} runs \`${short(s('query'))}\` ${count(n('times'))} times in each request${has('place') ? ` (${s('place')})` : ''}: the server is quick, the round trips are what takes the time.`,
    step: {
      title: `Ask once for all rows in ${s('route')}`,
      kind: 'code',
      text: `${has('place') ? `// ${s('place')}\n` : ''}// instead of one query for each row, one for all of them:\n…where('id', 'in', ids)      // or a join, or a loader of the module: m.loader(…)`,
      ...DEPLOY,
      risk: 'low: the same rows, asked for at once',
      check: 'queries for each request fall (console, Requests)',
    },
  }),
  'slow-call': ({ n, s }) => ({
    title: `${s('route')} waits for ${s('host')}`,
    claim: `Each request of ${s('route')} waits ${ms(n('meanMs') * n('perRequest'))} for ${s('host')}, and its user waits with it${n('held') === 1 ? '; the transaction that is open meanwhile holds a connection, for which others wait' : ''}.`,
    step: {
      title: `Take the call to ${s('host')} out of ${s('route')}`,
      kind: 'code',
      text: `const later = m.job('…', { input, run: ({ input }) => fetch('https://${s('host')}/…', { signal: AbortSignal.timeout(2000) }) })\n// in the handler, in the transaction that needs it:\nawait later.enqueue(input, { tx })`,
      ...DEPLOY,
      risk: 'the answer comes later: the page has to cope with that. If it cannot, keep the call with a timeout and a cache',
      check: 'the calls to this host are made by a job; its route is as quick as its queries',
    },
  }),
  'lock-contention': ({ n, s, has }) => ({
    title: has('deadlocks')
      ? 'Transactions wait for each other until one is ended'
      : 'Requests wait for a lock that others hold',
    claim: has('deadlocks')
      ? `${count(n('deadlocks'))} deadlocks${has('route') ? `, most likely of ${s('route')}` : ''}: two transactions take the same rows in another order, stand still for a second each time, and one of them fails.`
      : `\`${short(s('waiting'))}\` waits for rows that another transaction holds, which last asked \`${short(s('holder'))}\`; the longest takes ${ms(n('longestMs'))}.`,
    step: {
      title: has('deadlocks') ? 'Lock rows in the same order everywhere' : 'Hold the lock for a shorter time',
      kind: 'code',
      text: has('deadlocks')
        ? `// all that is going to be changed, first and sorted:\nawait tx.selectFrom('…').select('id').where('id', 'in', ids).orderBy('id').forUpdate().execute()`
        : `// the locking statement last, nothing slow after it:\nawait db.transaction(async (tx) => {\n  …                      // everything else\n  await tx.sql\`${short(s('waiting'), 60)}\`\n})\n// a row that everybody updates: many rows, added up when read; work that is taken: for update skip locked`,
      ...DEPLOY,
      risk: 'medium: what a transaction protects has to stay protected',
      check: 'no session waits for a lock at the same load',
    },
  }),
  'long-transaction': ({ n, s, has }) => ({
    title: `A transaction that does nothing holds a ${has('waiting') ? 'lock' : 'connection'}`,
    claim: !has('waiting')
      ? `${n('idle').toFixed(1)} of ${n('used').toFixed(1)} connections in use are held by transactions that ask nothing, most likely of ${s('route')}, while others wait for one.`
      : `A transaction is open for ${ms(n('longestMs'))} after \`${short(s('holder'))}\` and asks nothing, while \`${short(s('waiting'))}\` waits for it.`,
    step: {
      title: 'End the transaction before slow work begins',
      kind: 'code',
      text: `// no call to others, no file, no wait between begin and commit:\nconst answer = await fetch(…)\nawait db.transaction((tx) => …)`,
      ...DEPLOY,
      risk: 'medium: what belongs together has to stay in one transaction',
      check: 'sessions "idle in transaction" are gone',
    },
  }),
  'over-fetch': ({ n, s }) => ({
    title: `${s('route')} reads ${count(n('rows'))} rows for each request`,
    claim: `\`${short(s('query'))}\` gives ${s('route')} ${count(n('rows'))} rows each time; to read and turn them into JSON takes longer than to find them.`,
    step: {
      title: `Read a page, and the columns that are shown, in ${s('route')}`,
      kind: 'code',
      text: `db.selectFrom('…').select(['id', 'name']).orderBy('id').limit(50)      // and a cursor for the next page`,
      ...DEPLOY,
      risk: 'clients that relied on getting everything have to page',
      check: 'rows for each request fall',
    },
  }),
  'event-loop-stalls': ({ n, s, has }) => ({
    title: 'The event loop stands still again and again',
    claim: `Something${has('route') ? `, most likely ${s('route')},` : ''} runs for up to ${ms(n('longestMs'))} without a break; ${percent(n('share'))} of the time everybody else waits for its end.`,
    step: {
      title: `Move the long computation${has('route') ? ` of ${s('route')}` : ''} into a job`,
      kind: 'code',
      text: `const compute = m.job('…', { input, run: … })        // on a worker process: tenfold start --only worker\n// or in pieces: between two of them await new Promise(setImmediate)`,
      ...DEPLOY,
      risk: 'the result comes later',
      check: 'the longest stall falls below 50 ms',
    },
  }),
  'cpu-bound-route': ({ n, s }) => ({
    title: `${s('route')} fills the event loop`,
    claim: `Each request of ${s('route')} computes for ${ms(n('selfMs'))}; the event loop is busy ${percent(n('loop'))} of the time, and more instances would only multiply that.`,
    step: {
      title: `Make ${s('route')} cheaper, or move what it computes into a job`,
      kind: 'code',
      text: `// node --cpu-prof tells which function; then: cache its result, compute it when it changes, or\nconst compute = m.job('…', { input, run: … })`,
      ...DEPLOY,
      risk: 'low',
      check: 'own time of the route, and event loop busy, fall',
    },
  }),
  'costly-query': ({ n, s, has }, { share }) => ({
    title: `One statement${has('route') ? ` of ${s('route')}` : ''} costs the server ${ms(n('meanMs'))} each time`,
    claim: `\`${short(s('query'))}\` takes ${percent(n('ofServer'))} of the server's time${n('many') ? `, reading ${count(n('pages'))} pages each time` : ''}${n('works') ? '' : ', in which it waits inside of the server'}; ${percent(share)} of the time of all requests is spent on it or behind it. No index that is missing was found.`,
    step: {
      title: `Make that statement cheaper${has('route') ? `, or take it out of ${s('route')}` : ''}`,
      kind: 'sql',
      text: `explain (analyze, buffers) ${short(s('query'), 200)};\n-- rows far from the estimate: analyze the table. A function in it: its own statements have plans, too.${n('spills') ? "\n-- it sorts on the disk: alter role … set work_mem = '64MB';" : ''}\n-- else ask for less (a limit, a range, fewer columns), or keep the result: m.cache('…', { ttl: '1m', staleFor: '10m', load: … }),\n-- or, where it is a report, compute it in a job`,
      ...DEPLOY,
      risk: 'low: the same answer, or a slightly older one',
      check: "its share of the server's time falls",
    },
  }),
  'unseen-wait': ({ n, s }) => ({
    title: `${s('route')} waits for something that nobody records`,
    claim: `Each request of ${s('route')} spends ${ms(n('meanMs'))} neither in a statement nor in a call to others, while the event loop is busy only ${percent(n('loop'))} of the time: it waits for a timer, a file, a process, the pool of threads (bcrypt, zlib, DNS), a body that is sent slowly, or a client of its own${n('redis') ? ' or for Redis' : ''}.${n('everywhere') ? ` Other routes wait as well: it is something that they share${n('redis') ? ', Redis most likely' : ''}.` : ''}`,
    step: {
      title: `Find what ${s('route')} waits for, and take it out of the request`,
      kind: 'code',
      text: `// what it is shows in a trace: the gap between two lines. To give it a name:\nawait span('what it may be', {}, () => …)      // of what a handler is given\n// then: a timeout, all at once instead of one after the other, or a job: await later.enqueue(input)${n('redis') ? '\n// Redis: redis-cli --latency, slowlog get' : ''}`,
      ...DEPLOY,
      risk: 'low',
      check: 'own time of the route falls to what it computes',
    },
  }),
  'route-fails': ({ n, s, has }) => ({
    title: n('full')
      ? 'The disk is full, and requests fail'
      : `${s('route')} fails${n('others') ? ', and others with it' : ''}`,
    claim: `${count(n('failures'))} of ${count(n('count'))} requests of ${s('route')} ended in an error${has('release') ? `; release ${s('release')} came in the last hour` : ''}${has('host') ? `; it asks ${s('host')}` : ''}. They are answered in time: it is not the load.`,
    step: {
      title: n('full')
        ? 'Make room on the disk'
        : has('release')
          ? 'Look at its errors, and go back to the release before'
          : `Look at the errors of ${s('route')}`,
      kind: 'command',
      text: n('full')
        ? 'df -h'
        : '# the page Errors of the console: one line for each kind, with its place in the code and a trace',
      cost: 'none',
      risk: 'none',
      wayBack: 'nothing is changed',
      check: 'its requests succeed',
    },
  }),
  'cache-stampede': ({ n, s }) => ({
    title: `What ${s('route')} keeps is loaded by many at once when it gets old`,
    claim: `\`${short(s('query'))}\` ran up to ${count(n('mostAtOnce'))} times at the same moment for the very same answer, ${ms(n('meanMs'))} of the server each, while most requests of ${s('route')} do without it: each that finds the kept value too old loads it anew.`,
    step: {
      title: `Let one load it for all in ${s('route')}`,
      kind: 'code',
      text: `// loads once however many ask, gives the old value meanwhile, and loads ahead of time what is often asked for:\nconst kept = m.cache('…', { ttl: '10s', staleFor: '1m', load: (key, { db }) => … })\nhandler: () => kept.get(key)`,
      ...DEPLOY,
      risk: 'low: for the time of one load some see the old value',
      check: 'the statement runs once each time it gets old',
    },
  }),
  'poison-job': ({ n, s }) => ({
    title: `Job ${s('job')} fails again and again`,
    claim: `${count(n('failures'))} of ${count(n('runs'))} runs of ${s('job')} failed; each of them comes back and takes a worker again (${percent(n('ofTime'))} of their time).`,
    step: {
      title: `Stop the retries of ${s('job')}, then mend what it fails on`,
      kind: 'command',
      text: `tenfold jobs pause ${s('job')}\ntenfold jobs list --name ${s('job')} --state dead      # why\n# in the code, for what will never succeed: throw giveUp('…')\ntenfold jobs resume ${s('job')}`,
      cost: 'none; then a change in the code',
      risk: 'jobs of that name wait meanwhile',
      wayBack: `tenfold jobs resume ${s('job')}`,
      check: 'its failures stop, and other jobs wait no longer',
    },
  }),
  'memory-grows': ({ n }) => ({
    title: 'Memory grows and is not given back',
    claim: `After each full collection ${n('buffers') ? 'the buffers that are kept take more' : 'the heap is larger'}: ${bytes(n('growth'))} in a second, so that ${n('buffers') ? 'the memory of the machine' : 'it'} is full in ${n('hours') >= 2 ? `${count(Math.round(n('hours')))} hours` : n('hours') > 0.025 ? `${Math.round(n('hours') * 60)} minutes` : 'a minute'}.`,
    step: {
      title: 'Find what is kept, by comparing two heap snapshots',
      kind: 'command',
      text: `kill -USR2 <pid>         # with NODE_OPTIONS=--heapsnapshot-signal=SIGUSR2, twice, some minutes apart\n# compare both in the browser's developer tools: what grew, and who holds it`,
      cost: 'the process stands still for some seconds while it writes one',
      risk: 'low on one of several instances',
      wayBack: 'nothing is changed',
      check: 'the heap after collections stays level',
    },
  }),
} satisfies Partial<Record<FindingCode, WordsOf>>
