/** One instance of the app, in production: its log goes to standard output, its address to whoever started it. */
import items from './app.ts'

const instance = await items.start({
  roles: ['web', 'worker', 'cron'],
  migrate: true,
  variables: process.env,
  config: { shedding: false },
})
process.send!(instance.url)
process.on('disconnect', () => void instance.stop().then(() => process.exit(0)))
