import { closest } from 'fastest-levenshtein'
import { connect, jobNames } from '../../app/index.ts'
import type { JobState, Queue } from '../../queue/index.ts'
import type { Command, Invocation } from '../command.ts'
import { BadOptionValue, MissingArgument, NoJobOfName, NoSuchJob } from '../errors.ts'
import { loadProject } from '../project.ts'

const STATES: readonly JobState[] = ['waiting', 'delayed', 'blocked', 'running', 'done', 'dead', 'cancelled']
const COLOURS = {
  waiting: 'yellow',
  delayed: 'grey',
  blocked: 'grey',
  running: 'cyan',
  done: 'green',
  dead: 'red',
  cancelled: 'grey',
} as const

export const jobsList: Command = {
  options: {
    state: { type: 'string', value: '<state>', about: STATES.join(', ') },
    name: { type: 'string', value: '<name>', about: 'jobs of this name only' },
    search: { type: 'string', value: '<text>', about: 'what a name, an error, a key or a payload says' },
    limit: { type: 'string', value: '<n>', about: 'how many (default: 50, at most 500)' },
  },
  examples: [
    'tenfold jobs list',
    'tenfold jobs list --state dead',
    'tenfold jobs list --name orders.send-receipt --json',
    'tenfold jobs list --search ann@example.com',
  ],
  run: (invocation) =>
    withQueue(invocation, async (queue, known) => {
      const { flags, output } = invocation
      const state = STATES.find((one) => one === flags.state)
      if (flags.state !== undefined && !state) {
        throw BadOptionValue({ option: '--state', value: String(flags.state), allowed: `one of ${STATES.join(', ')}` })
      }
      const limit = Number(flags.limit ?? 50)
      if (!Number.isInteger(limit) || limit < 1 || limit > 500) {
        throw BadOptionValue({ option: '--limit', value: String(flags.limit), allowed: 'a whole number from 1 to 500' })
      }
      const jobs = await queue.list({
        limit,
        ...(state && { state }),
        ...(flags.name !== undefined && { name: String(flags.name) }),
        ...(flags.search !== undefined && { search: String(flags.search) }),
      })
      if (jobs.length === 0 && flags.name !== undefined) await known(String(flags.name))
      output.show(jobs, () => {
        if (jobs.length === 0) return output.line('no jobs')
        output.table(
          ['id', 'job', 'state', 'attempt', 'created', 'error'],
          jobs.map(({ id, name, state, attempt, maxAttempts, createdAt, error = '', events }) => [
            id,
            events === undefined ? name : `${name} (${events} events)`,
            output.paint(COLOURS[state], state),
            `${attempt}/${maxAttempts}`,
            new Date(createdAt).toISOString(),
            error.split('\n')[0]!.slice(0, 80),
          ]),
        )
      })
      return 0
    }),
}

export const jobsShow: Command = {
  args: '<id>',
  maxArgs: 1,
  examples: ['tenfold jobs show 4711'],
  run: (invocation) =>
    withQueue(invocation, async (queue) => {
      const id = idOf(invocation, 'jobs show')
      const job = await queue.get(id)
      if (!job) throw NoSuchJob({ id, action: 'shown' })
      invocation.output.line(JSON.stringify(job, null, 2))
      return 0
    }),
}

export const jobsRetry: Command = {
  args: '[<id>]',
  maxArgs: 1,
  options: { all: { type: 'string', value: '<name>', about: 'all dead jobs of this name' } },
  examples: ['tenfold jobs retry 4711', 'tenfold jobs retry --all orders.send-receipt'],
  run: (invocation) =>
    withQueue(invocation, async (queue, known) => {
      const { flags, output } = invocation
      if (typeof flags.all === 'string') {
        const retried = await queue.retryAll({ name: flags.all, state: 'dead' })
        if (retried === 0) await known(flags.all)
        output.show({ retried }, () =>
          output.line(retried === 1 ? '1 job is tried again' : `${retried} jobs are tried again`),
        )
        return 0
      }
      const id = idOf(invocation, 'jobs retry')
      if (!(await queue.retry(id))) throw NoSuchJob({ id, action: 'retried' })
      output.show({ id, done: true }, () => output.line(`job ${id} is tried again`))
      return 0
    }),
}

export const jobsDiscard: Command = {
  args: '<id>',
  maxArgs: 1,
  examples: ['tenfold jobs discard 4711'],
  run: (invocation) =>
    withQueue(invocation, async (queue) => {
      const id = idOf(invocation, 'jobs discard')
      if (!(await queue.discard(id))) throw NoSuchJob({ id, action: 'discarded' })
      invocation.output.show({ id, done: true }, () => invocation.output.line(`job ${id} is gone`))
      return 0
    }),
}

export const jobsCancel: Command = {
  args: '<id>',
  maxArgs: 1,
  options: { reason: { type: 'string', value: '<text>', about: 'why, for the record' } },
  examples: ['tenfold jobs cancel 4711', 'tenfold jobs cancel 4711 --reason "wrong list"'],
  run: (invocation) =>
    withQueue(invocation, async (queue) => {
      const id = idOf(invocation, 'jobs cancel')
      const { reason } = invocation.flags
      if (!(await queue.cancel(id, reason === undefined ? 'Cancelled by hand.' : String(reason)))) {
        throw NoSuchJob({ id, action: 'cancelled' })
      }
      invocation.output.show({ id, done: true }, () => invocation.output.line(`job ${id} is cancelled`))
      return 0
    }),
}

export const jobsPause: Command = {
  args: '[<name>]',
  maxArgs: 1,
  options: { reason: { type: 'string', value: '<text>', about: 'why, for the record' } },
  examples: ['tenfold jobs pause', 'tenfold jobs pause orders.send-receipt --reason "mail server is down"'],
  run: (invocation) =>
    withQueue(invocation, async (queue, known) => {
      const { args, flags, output } = invocation
      const name = args[0]
      if (name !== undefined) await known(name)
      if (name !== undefined) await queue.pause(name, flags.reason === undefined ? undefined : String(flags.reason))
      const paused = await queue.paused()
      output.show(paused, () => {
        if (paused.length === 0) return output.line('nothing is paused')
        output.table(
          ['job', 'since', 'reason'],
          paused.map((one) => [one.name, new Date(one.pausedAt).toISOString(), one.reason ?? '']),
        )
      })
      return 0
    }),
}

export const jobsResume: Command = {
  args: '<name>',
  maxArgs: 1,
  examples: ['tenfold jobs resume orders.send-receipt'],
  run: (invocation) =>
    withQueue(invocation, async (queue, known) => {
      const { args, output } = invocation
      const name = args[0]
      if (name === undefined) throw MissingArgument({ argument: 'the name of a job', command: 'jobs resume' })
      const done = await queue.resume(name)
      if (!done) await known(name)
      output.show({ name, done }, () => output.line(done ? `${name} goes on` : `${name} was not paused`))
      return 0
    }),
}

function idOf({ args }: Invocation, command: string): string {
  const id = args[0]
  if (id === undefined) throw MissingArgument({ argument: 'the id of a job', command })
  if (!/^\d{1,18}$/.test(id))
    throw BadOptionValue({ option: '<id>', value: id, allowed: 'a number, as `tenfold jobs list` shows it' })
  return id
}

/** Throws TF_NO_JOB_OF_NAME where neither the app has such a job nor the queue still has some. */
type Known = (name: string) => Promise<void>

async function withQueue({ flags }: Invocation, fn: (queue: Queue, known: Known) => Promise<number>): Promise<number> {
  const { app, root, config } = await loadProject(flags)
  const connected = await connect(app, root, config)
  try {
    const { queue } = await connected.open()
    return await fn(queue, async (name) => {
      const names = [...jobNames(app.modules), ...(await queue.summary()).map((row) => row.name)]
      if (names.includes(name)) return
      throw NoJobOfName({ name, nearest: names.length > 0 ? closest(name, names) : undefined })
    })
  } finally {
    await connected.close()
  }
}
