/** Relay and worker in a process of its own, to be killed: `tenfold start --only worker`, with a short lease. */
import proof from './app.ts'

const instance = await proof.start({
  roles: ['worker'],
  config: { worker: { concurrency: 16, leaseMs: Number(process.env.LEASE_MS) } },
})
process.stdout.write('ready\n')
process.stdin.resume().on('end', () => void instance.stop().finally(() => process.exit()))
