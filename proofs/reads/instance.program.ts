/** One instance in a process of its own. Says where it listens, and how often which server has answered a read. */
import proof from './app.ts'

const instance = await proof.start({ roles: ['web'] })
const { positions } = instance.database
// The planted fault: an instance that does not listen to what its clients have written elsewhere.
if (process.env.PLANT === 'deaf') positions!.accept = () => {}
const deltas = instance.telemetry.metrics.deltas()

process.on('message', () => {
  const gained = deltas()
  const of = (name: string, label: string): Record<string, number> =>
    Object.fromEntries(
      gained
        .filter((point) => point.name === name && point.value > 0)
        .map(({ labels, value }) => [labels[label], value]),
    )
  process.send!({
    reads: of('tenfold.db.reads', 'target'),
    misses: of('tenfold.db.replica.misses', 'reason'),
    replicas: instance.database.replicas(),
  })
})
process.on('disconnect', () => void instance.stop().finally(() => process.exit()))
process.send!({ url: instance.url })
