import { defineModule, tables } from 'tenfold'
import { billing } from '../billing/contract.ts'
import { catalog } from '../catalog/contract.ts'
import type { OrdersTables } from './tables.gen.ts'

export const m = defineModule('orders', { uses: { billing, catalog }, tables: tables<OrdersTables>() })
