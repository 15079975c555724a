import { JOB, type Place, type System } from './system.ts'

/** One worker of the wanted concurrency; finished jobs are removed, so nothing is kept as history. */
export async function openBullmq({ redisUrl, peers }: Place): Promise<System> {
  const { Queue, Worker } = await peers('bullmq')
  const { Redis } = await peers('ioredis')
  const client = new Redis(redisUrl, { maxRetriesPerRequest: null })
  const queue = new Queue('bench', { connection: client })
  const options = { removeOnComplete: true }
  return {
    clear: () => queue.obliterate({ force: true }),
    add: (payload) => queue.add(JOB, payload, options),
    addMany: (payloads) => queue.addBulk(payloads.map((data) => ({ name: JOB, data, opts: options }))),
    async work(concurrency, run) {
      const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
      const handler = async (job: { data: object }): Promise<void> => run(job.data)
      const worker = new Worker('bench', handler, { connection, concurrency })
      worker.on('error', () => {})
      await worker.waitUntilReady()
      return async () => {
        await worker.close()
        connection.disconnect()
      }
    },
    async left() {
      const counts = (await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized')) as Record<string, number>
      return Object.values(counts).reduce((sum, count) => sum + count, 0)
    },
    async close() {
      await queue.close()
      client.disconnect()
    },
  }
}
