import { defineModule, tables } from 'tenfold'
import type { MediaTables } from './tables.gen.ts'

export const m = defineModule('media', { tables: tables<MediaTables>() })
