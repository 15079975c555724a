/** `tenfold/queue`: jobs on Postgres for an app that has a server, a router and a database layer of its own. */
import type { AnySchema, InputOf, OutputOf, Schema } from '../kernel/index.ts'
import {
  checkInput,
  factsOf,
  migrations,
  newJob,
  openQueue as openEngine,
  policyOf,
  type AnyJobSettings,
  type EnqueueOptions as Enqueue,
  type JobFacts,
  type JobSettings,
  type JobWork,
  type Queue as Engine,
} from '../queue/index.ts'
import { JobTwice } from './errors.ts'
import { groundOf, type OnPostgres } from './ground.ts'
import { createTransactions, type AnyTransaction } from './transaction.ts'

export { giveUp, retryAfter, type JobDetail, type JobFilter, type JobRow, type JobSummary } from '../queue/index.ts'
export type { AnyTransaction, ClientTransaction, KyselyTransaction, PostgresTransaction } from './transaction.ts'
export type { JobFacts, JobSettings }

export type QueueOptions = OnPostgres & {
  /** Inputs, results and steps of jobs with `encrypt` are encrypted with a key made from the first; all of them decrypt, so that a
   *  secret can be changed. Defaults to none: such jobs are refused. */
  secrets?: readonly string[]
}

export type EnqueueOptions = Enqueue<AnyTransaction>

/** A job without a schema has the input that its type says, unchecked. */
export type JobOptions<Input extends AnySchema> = JobSettings<Input> & Runs<OutputOf<Input>>
export type UncheckedJobOptions<Input> = Omit<JobSettings<Schema<Input>>, 'input'> & { input?: never } & Runs<Input>

interface Runs<Input> {
  /** The work. It may run more than once, so what it does to others wants `jobId` as an idempotency key. Absent where jobs are
   *  only enqueued: workers of such a process leave them to others. */
  run?(job: JobFacts<Input>): Promise<unknown>
}

export interface Job<Input> {
  readonly name: string
  /** Hands the job to the workers, and gives its id. With `tx` it exists if and only if that transaction commits; without, it is
   *  safe once this resolves.
   *  @example
   *  await client.query('begin')
   *  await client.query('insert into orders …')
   *  await sendReceipt.enqueue({ orderId }, { tx: client })
   *  await client.query('commit') */
  enqueue(input: Input, options?: EnqueueOptions): Promise<string>
  /** Many at once, in one statement; ids in the order of the inputs. */
  enqueueMany(inputs: readonly Input[], options?: EnqueueOptions): Promise<string[]>
}

export interface WorkerOptions {
  /** Jobs that run at a time in this process. Defaults to 10. */
  concurrency?: number
  /** Only these. Defaults to all that have a `run`. */
  only?: readonly Pick<Job<never>, 'name'>[]
  /** How long a worker that died keeps its jobs, in ms. Defaults to 30000. */
  leaseMs?: number
  /** How long `stop` waits for what runs before it is aborted and given to others, in ms. Defaults to 25000. */
  stopTimeoutMs?: number
}

export interface Worker extends AsyncDisposable {
  /** Takes no more jobs, and resolves when those that run have ended or were given back. */
  stop(): Promise<void>
}

/** What people may decide about jobs. */
type Decisions = Pick<
  Engine,
  'list' | 'get' | 'summary' | 'retry' | 'retryAll' | 'discard' | 'cancel' | 'pause' | 'resume' | 'paused'
>

export interface Queue extends Decisions, AsyncDisposable {
  /** Defines a job. The name is permanent: it is stored with every job.
   *  @example
   *  const sendReceipt = queue.job('orders.send-receipt', {
   *    input: z.object({ orderId: z.number() }),
   *    run: async ({ input, jobId }) => mailer.send(input.orderId, { idempotencyKey: jobId }),
   *  }) */
  job<Input extends AnySchema>(name: string, options: JobOptions<Input>): Job<InputOf<Input>>
  job<Input = unknown>(name: string, options: UncheckedJobOptions<Input>): Job<Input>
  /** Starts to run jobs here. Jobs that are defined later are not among them. */
  work(options?: WorkerOptions): Promise<Worker>
  /** Stops the workers, waits until what was enqueued is written, and closes the connections. */
  close(): Promise<void>
}

/** Opens a queue. Web processes and workers open the same one; who calls `work` runs jobs.
 *  @example
 *  const queue = await openQueue({ url: process.env.DATABASE_URL!, migrate: true })
 *  const worker = await queue.work({ concurrency: 20 })
 *  process.once('SIGTERM', () => queue.close()) */
export async function openQueue(options: QueueOptions): Promise<Queue> {
  const ground = await groundOf('queue', migrations, options)
  const { db, telemetry, clock } = ground
  const engine = openEngine({ db, telemetry, clock, ...(options.secrets && { secrets: options.secrets }) })
  const transactions = createTransactions()
  const works = new Map<string, JobWork | undefined>()
  const workers = new Set<Worker>()

  const enqueueMany = async (
    name: string,
    settings: Settings,
    inputs: readonly unknown[],
    { tx, ...enqueue }: EnqueueOptions = {},
  ): Promise<string[]> => {
    if (settings.input) for (const input of inputs) await checkInput(name, settings.input, input)
    const jobs = inputs.map((input) => newJob(name, settings as AnyJobSettings, input, enqueue))
    return engine.enqueue(jobs, tx === undefined ? undefined : transactions.of(tx, `enqueue of '${name}'`))
  }

  const close = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.stop()))
    await engine.close()
    await ground.close()
  }

  return {
    ...decisionsOf(engine),
    job(name: string, settings: Settings) {
      if (works.has(name)) throw JobTwice({ name })
      works.set(name, workOf(name, settings))
      return {
        name,
        enqueue: async (input: unknown, enqueue?: EnqueueOptions) =>
          (await enqueueMany(name, settings, [input], enqueue))[0]!,
        enqueueMany: (inputs: readonly unknown[], enqueue?: EnqueueOptions) =>
          enqueueMany(name, settings, inputs, enqueue),
      }
    },
    async work({ only, ...rest } = {}) {
      const names = only?.map(({ name }) => name) ?? [...works.keys()]
      const service = engine.work({
        ...rest,
        handlers: new Map(names.flatMap((name) => (works.get(name) ? [[name, works.get(name)!]] : []))),
      })
      await service.start()
      let stopping: Promise<void> | undefined
      const stop = (): Promise<void> => (stopping ??= service.stop().finally(() => workers.delete(worker)))
      const worker: Worker = { stop, [Symbol.asyncDispose]: stop }
      workers.add(worker)
      return worker
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Settings = Omit<AnyJobSettings, 'input'> & { input?: AnySchema; run?(job: JobFacts<never>): Promise<unknown> }

function workOf(name: string, { run, ...settings }: Settings): JobWork | undefined {
  if (!run) return undefined
  return {
    ...policyOf(settings),
    async run(job) {
      const input = settings.input ? await checkInput(name, settings.input, job.payload) : job.payload
      return run({ ...factsOf(job), signal: job.signal, input: input as never })
    },
  }
}

function decisionsOf(engine: Engine): Decisions {
  const { list, get, summary, retry, retryAll, discard, cancel, pause, resume, paused } = engine
  return { list, get, summary, retry, retryAll, discard, cancel, pause, resume, paused }
}
