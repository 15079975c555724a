import { defineModule, tables } from 'tenfold'
import { media } from '../media/contract.ts'
import type { AuthTables } from './tables.gen.ts'

export const m = defineModule('auth', { uses: { media }, tables: tables<AuthTables>() })
