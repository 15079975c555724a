/** One instance in a process of its own; says where it listens. */
import proof from './app.ts'

const instance = await proof.start({
  roles: ['web'],
  config: { database: { connections: Number(process.env.POOL) } },
})
process.on('disconnect', () => void instance.stop().finally(() => process.exit()))
process.send!({ url: instance.url })
