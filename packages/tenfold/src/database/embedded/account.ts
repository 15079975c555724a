import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { EmbeddedNoAccount } from './errors.ts'

/** The user whose rights the server has. Postgres refuses to run as root, so root lends it another one. */
export interface Account {
  uid: number
  gid: number
  /** Does the folder around the data belong to it too? Not when the account is only borrowed (`postgres`, `nobody`). */
  ownsFolder: boolean
}

/** Who runs the server: `undefined` means ourselves. For root: whoever owns the data or the project, else `postgres`, else `nobody`. */
export function accountFor(home: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
  const data = statSync(`${home}/data`, { throwIfNoEntry: false })
  const project = nearest(home)
  const dataOwner = data && users.find((u) => u.uid === data.uid && u.uid !== 0)
  const projectOwner = users.find((u) => u.uid === project.uid && u.uid !== 0)
  const looked = ['postgres', 'nobody']
  const user =
    dataOwner ?? projectOwner ?? users.find((u) => u.name === looked[0]) ?? users.find((u) => u.name === looked[1])
  if (!user) throw EmbeddedNoAccount({ looked })
  return { uid: user.uid, gid: user.gid, ownsFolder: user.uid === project.uid }
}

/** Can that user walk down to `path`? Judged by the permission bits of every folder on the way. */
export function canReach(account: Account, path: string): boolean {
  for (let at = dirname(path); ; at = dirname(at)) {
    const { mode, uid, gid } = statSync(at)
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (at === dirname(at)) return true
  }
}

function nearest(path: string): { uid: number } {
  for (let at = path; ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false })
    if (found) return found
  }
}
