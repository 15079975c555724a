import { app } from 'tenfold'
import accounts from './modules/accounts/index.ts'
import tasks from './modules/tasks/index.ts'

export default app({ name: 'starter_app', modules: [accounts, tasks] })
