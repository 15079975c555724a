/** A bare Debian 13 in a folder, made by debootstrap, with this very Node.js in it. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { must } from './processes.ts'

export const MIRROR = 'http://deb.debian.org/debian'

export async function bareDebian(root: string, include: readonly string[]): Promise<void> {
  await must('debootstrap', ['--variant=minbase', `--include=${include.join(',')}`, 'trixie', root, MIRROR], '/')
}

/** Writes a file of it. */
export function put(root: string, path: string, text: string, mode = 0o644): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, mode)
}

/** In place of the package source of Node.js, which may be out of reach. */
export function putNode(root: string): void {
  cpSync(process.execPath, join(root, 'usr/bin/node'), { dereference: true })
  const npm = dirname(dirname(realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim())))
  cpSync(npm, join(root, 'usr/lib/node_modules/npm'), { recursive: true, dereference: true })
  put(root, 'usr/bin/npm', '#!/bin/sh\nexec node /usr/lib/node_modules/npm/bin/npm-cli.js "$@"\n', 0o755)
  cpSync('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'))
}
