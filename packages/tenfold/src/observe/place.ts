import type { ObserveSettings } from './settings.ts'

/** Where observations are kept. */
export interface Place {
  url: string
  where: string
  embedded: boolean
}

export async function findPlace({ storeUrl }: ObserveSettings): Promise<Place> {
  if (storeUrl !== undefined)
    return { url: storeUrl, where: 'kept in the database of TENFOLD_OBSERVE_URL', embedded: false }
  throw new Error('TENFOLD_OBSERVE_URL is not set')
}
