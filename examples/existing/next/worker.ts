/** Jobs run in a process of their own: `DATABASE_URL=postgres://… node next/worker.ts` */
import { shop } from './parts.ts'

const { work, close } = await shop()
await work()
console.log('working')
process.once('SIGTERM', () => void close())
