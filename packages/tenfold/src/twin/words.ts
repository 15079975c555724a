/** The only place with sentences: the terminal, JUnit and the web page show the same ones. */
import type { Difference } from './compare.ts'
import { placeName, type Place } from './evidence.ts'
import type { Cause, Evidence, Finding } from './findings.ts'

interface Words {
  /** What is assumed. */
  title: string
  /** What becomes of it with several instances. */
  means: string
  fix: string
}

export const WORDS: Readonly<Record<Cause, Words>> = {
  'local-files': {
    title: 'Files lie on the disk of one instance',
    means: 'What one instance writes, the others do not have.',
    fix: 'Keep files in object storage or a database that all instances reach; use the disk for temporary files of one request only.',
  },
  'module-state': {
    title: 'A variable holds what all instances need to know',
    means: 'Each instance has its own copy, and it is gone after a restart.',
    fix: 'Keep it in a database or in Redis; leave in memory only what can be computed again from there.',
  },
  'memory-sessions': {
    title: 'Sessions are kept in the memory of one instance',
    means: 'Whoever logs in at one instance is unknown to the others, and a restart logs everybody out.',
    fix: 'Give the session store a database or Redis, or put what is needed into a signed cookie.',
  },
  'memory-limits': {
    title: 'Limits are counted in the memory of one instance',
    means: 'With N instances a client gets N times as much as the limit says.',
    fix: 'Count in Redis or a database: limiters take a store for that.',
  },
  'stale-cache': {
    title: 'A cache is cleared in one instance only',
    means: 'The others go on answering with what was true before.',
    fix: 'Share the cache, tell all instances when something changes, or let entries live no longer than may be wrong (staleMs in the scenario says how long).',
  },
  'startup-secret': {
    title: 'Each instance makes a secret for itself when it starts',
    means: 'What one instance has signed or encrypted, the others do not accept.',
    fix: 'Read the secret from the environment, the same one for all instances.',
  },
  'sticky-sockets': {
    title: 'Messages reach only those connected to the same instance',
    means: 'Whoever is connected to another one hears nothing.',
    fix: 'Publish through something that all instances listen to (Redis, Postgres NOTIFY), or an adapter of the library that does.',
  },
  'duplicate-cron': {
    title: 'Every instance runs the timer',
    means: 'With N instances it does its work N times.',
    fix: 'Let one instance win each tick: insert (name, time) under a unique key, or take a lock that outlives the work; or run timers in one process of their own.',
  },
  'duplicate-work': {
    title: 'The same work is done by several instances',
    means: 'What one instance does once, several do more than once.',
    fix: 'Claim before working: a row with `for update skip locked`, a pop from a list, a unique key for what was done.',
  },
  'lost-work': {
    title: 'Work goes on in memory after the answer',
    means: 'A process that dies, or is deployed, loses it, although the client was told that all is well.',
    fix: 'Write down what is to be done (a job queue, an outbox) before answering.',
  },
  'lost-requests': {
    title: 'SIGTERM breaks off requests',
    means: 'Each deploy and each smaller fleet costs somebody a request.',
    fix: "On SIGTERM stop accepting, finish what has begun, then end: process.on('SIGTERM', () => server.close(() => process.exit(0)))",
  },
  'clock-skew': {
    title: 'Clocks of instances are taken for equal',
    means: 'They are some seconds apart now and then, and then this fails.',
    fix: 'Take the time from the database, or allow for some seconds when times of two instances meet (not before, issued at).',
  },
  'same-hostname': {
    title: 'The hostname is taken for the name of a process',
    means: 'Several processes on one host believe to be one.',
    fix: 'Name each process by a random id that it makes at the start (crypto.randomUUID()).',
  },
  'role-ignored': {
    title: 'An instance for requests does background work, too',
    means: 'Roles do not separate what they promise to separate.',
    fix: 'Start workers and timers only where the role says so.',
  },
  'fixed-port': {
    title: 'A port is fixed',
    means: 'A second process on the same host cannot start.',
    fix: 'Take the port from the environment, or listen on 0.',
  },
  releases: {
    title: 'The two releases do not work beside each other',
    means: 'During a deploy both run for a while, and then this fails.',
    fix: 'Change in two steps: first a release that understands both, then one that needs the new.',
  },
  'pooled-session': {
    title: 'Something is left in a session of the database',
    means:
      'Behind a pooler in transaction mode the next statement may run in another session, and somebody else gets this one.',
    fix: 'Keep it within one transaction (set local, pg_advisory_xact_lock, a temporary table with on commit drop), or use a direct connection for it (LISTEN, session locks).',
  },
  unexplained: {
    title: 'Answers differ, and no reason was seen',
    means: 'One instance answers otherwise than several.',
    fix: 'Look at the two answers: what do they depend on that lies in one process?',
  },
}

/** One sentence for each piece of evidence. */
export function wordsOf(evidence: Evidence): string {
  const during = 'request' in evidence && evidence.request ? ` while ${evidence.request} was answered` : ''
  switch (evidence.kind) {
    case 'state':
      return `${evidence.site.name} (${placeName(evidence.site)}) went from ${evidence.before} to ${evidence.after}${during}`
    case 'store':
      return `${evidence.package}${at(evidence.at)} keeps it in the process`
    case 'file':
      return `${evidence.path} was written${at(evidence.at)}${during}`
    case 'value':
      return `${evidence.site.name} (${placeName(evidence.site)}) has another value in each instance`
    case 'effect':
      return `${evidence.what}${at(evidence.at)}: ${times(evidence.alone)} with one instance, ${times(evidence.together)} with several`
    case 'deferred':
      return `work goes on${at(evidence.at)}${evidence.request ? ` after ${evidence.request} was answered` : ''}`
    case 'hostname':
      return `the hostname is asked for${at(evidence.at)}`
    case 'port':
      return `port ${evidence.port || ''}${at(evidence.at)}`.trim()
    case 'session':
      return `${evidence.what}${at(evidence.at)} leaves ${evidence.keeps} behind`
    case 'how':
      return evidence.text
  }
}

export function wordsOfDifference({ request, at: where, alone, together }: Difference): string {
  const place = where === 'status' ? '' : ` (${where})`
  return `${request}${place}: one instance says ${alone}; several say ${together}`
}

export function headline({ cause, places }: Finding): string {
  const [first] = places
  return first ? `${WORDS[cause].title} (${placeName(first)})` : WORDS[cause].title
}

function at(place: Place | undefined): string {
  return place ? ` at ${placeName(place)}` : ''
}

function times(number: number): string {
  return number === 0 ? 'never' : number === 1 ? 'once' : number === 2 ? 'twice' : `${number} times`
}
