/** One instance in a process of its own; says where it listens, how long its statements took, and how many a replica answered. */
import proof from './app.ts'

const instance = await proof.start({
  roles: ['web'],
  config: { database: { connections: Number(process.env.POOL) } },
})
const deltas = instance.telemetry.metrics.deltas()

// How long its statements took, since the last time it was asked: seconds and how many.
process.on('message', () => {
  const all = deltas()
  const taken = all.filter(({ name, labels }) => name === 'db.client.operation.duration' && labels.module === 'work')
  const reads = all.filter(({ name, labels }) => name === 'tenfold.db.reads' && labels.target !== 'primary')
  const sum = (of: (point: (typeof taken)[number]) => number | undefined): number =>
    taken.reduce((all, point) => all + (of(point) ?? 0), 0)
  process.send!({
    seconds: sum(({ histogram }) => histogram?.sum),
    count: sum(({ histogram }) => histogram?.count),
    onReplica: reads.reduce((n, { value }) => n + value, 0),
  })
})
process.on('disconnect', () => void instance.stop().finally(() => process.exit()))
process.send!({ url: instance.url })
