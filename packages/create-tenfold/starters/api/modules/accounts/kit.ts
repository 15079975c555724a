import { defineModule, tables } from 'tenfold'
import type { AccountsTables } from './tables.gen.ts'

export const m = defineModule('accounts', { tables: tables<AccountsTables>() })
