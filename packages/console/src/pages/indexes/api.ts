import type { IndexAdvice } from '../../../../tenfold/src/console/indexes.ts'
import { act } from '../../api/client.ts'
import { useApi, type Asked } from '../../api/use-api.ts'

export type { IndexAdvice } from '../../../../tenfold/src/console/indexes.ts'
export type Found = Extract<IndexAdvice, { status: 'found' }>
export type Proposed = Found['advice']['create'][number]
export type Superfluous = Found['advice']['drop'][number]

export const useIndexAdvice = (): Asked<IndexAdvice> => useApi<IndexAdvice>('/indexes')

export const lookForIndexes = (days: string): Promise<IndexAdvice> => act('POST', `/indexes/look?days=${days}`)
