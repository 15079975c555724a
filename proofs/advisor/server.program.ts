/** One instance of the app in a process of its own. What it has seen is asked for by a message. */
import type { Config } from 'tenfold'
import advised from './app.ts'

const { roles, config, modules } = JSON.parse(process.env.INSTANCE ?? '{}') as {
  roles: ('web' | 'worker' | 'cron')[]
  config: Config
  modules?: string[]
}
const instance = await advised.start({ roles, config, ...(modules && { modules }) })

process.on('message', (message: { gather?: number }) => {
  void (async () => {
    await instance.evidence.flush()
    if (message.gather === undefined) process.send!({ flushed: true })
    else process.send!({ evidence: await instance.evidence.gather((Date.now() - message.gather) / 60_000) })
  })()
})
process.on('disconnect', () => void instance.stop().finally(() => process.exit()))
process.send!({ url: instance.url ?? '' })
