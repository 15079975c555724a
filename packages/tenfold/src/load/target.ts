import { isIP } from 'node:net'
import { messageOf } from '../kernel/index.ts'
import { TargetNotLocal, TargetSilent } from './errors.ts'

/** The origin to load. Throws TF_LOAD_NOT_LOCAL (L4) unless it is this machine or `allowed`, TF_LOAD_NO_ANSWER when nothing
 *  is there. Names are not resolved: what a name leads to can change between the check and the load. */
export async function checkTarget(url: string, allowed: string | undefined): Promise<string> {
  if (!URL.canParse(url)) throw TargetSilent({ url, reason: 'it is not a URL' })
  const { origin, hostname, protocol } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') throw TargetSilent({ url, reason: 'it is not http or https' })
  if (!isThisMachine(hostname) && hostname !== allowed) throw TargetNotLocal({ url: origin })
  try {
    const answer = await fetch(origin, { signal: AbortSignal.timeout(5000), redirect: 'manual' })
    await answer.body?.cancel()
  } catch (error) {
    throw TargetSilent({ url: origin, reason: messageOf((error as Error).cause ?? error) }, { cause: error })
  }
  return origin
}

/** Loopback only: an address of our own network card may be that of a balancer before other machines. */
export function isThisMachine(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '')
  if (bare === 'localhost' || bare === '::1') return true
  return isIP(bare) === 4 && bare.startsWith('127.')
}
