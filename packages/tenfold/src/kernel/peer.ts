import { defineError } from './errors.ts'

export const PeerMissing = defineError('TF_PEER_MISSING', {
  says: (e: { peer: string; wantedBy: string }) => `${e.wantedBy} needs '${e.peer}', which is not installed.`,
  fix: (e) => `npm install ${e.peer}`,
})

/** Loads an optional peer only when it is configured; a missing one becomes TF_PEER_MISSING with its install line.
 *  @example
 *  const { default: Redis } = await importPeer('ioredis', 'REDIS_URL', () => import('ioredis')) */
export async function importPeer<Module>(peer: string, wantedBy: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code === 'ERR_MODULE_NOT_FOUND' && String((error as Error).message).includes(`'${peer}`)) {
      throw PeerMissing({ peer, wantedBy }, { cause: error })
    }
    throw error
  }
}
