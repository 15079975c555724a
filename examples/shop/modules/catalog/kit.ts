import { defineModule, tables } from 'tenfold'
import type { CatalogTables } from './tables.gen.ts'

export const m = defineModule('catalog', { tables: tables<CatalogTables>() })
