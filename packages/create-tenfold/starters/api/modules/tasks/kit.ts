import { defineModule, tables } from 'tenfold'
import { accounts } from '../accounts/contract.ts'
import type { TasksTables } from './tables.gen.ts'

export const m = defineModule('tasks', { uses: { accounts }, tables: tables<TasksTables>() })
