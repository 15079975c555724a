/** An instance in a process of its own, with a clock of its own: `tenfold start --only worker,cron`, with a short lease. */
import './skew.ts'
import proof, { planted } from './app.ts'

const instance = await proof.start({
  roles: ['worker', 'cron'],
  config: { worker: { concurrency: 20, leaseMs: Number(process.env.LEASE_MS) } },
})
if (planted('timer')) {
  setInterval(() => void instance.crons.runNow('clockwork.tick-1').catch(() => {}), 700)
}
process.stdout.write('ready\n')
// Whoever started us asks us to stop, or is gone.
process.stdin.resume().on('end', () => void instance.stop().finally(() => process.exit()))
