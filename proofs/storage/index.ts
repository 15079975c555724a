/** A large object goes to a bucket and comes back in little memory, as it was. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startTestS3 } from '../../packages/tenfold/src/storage/testing/index.ts'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'

const MB = 1e6
const MOST = 100 * MB
const PROGRAM = new URL('./large.program.ts', import.meta.url).pathname

interface Outcome {
  same: boolean
  idle: number
  peak: number
  writeMs: number
  readMs: number
}

export default {
  name: 'storage',
  about: 'an object of 2 GB is written and read in less than 100 MB of memory, on a disk and in a bucket',
  options: { mb: 'its size; 2000 unless --quick, then 300' },
  run,
} satisfies Claims

async function run({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const size = Number(set.mb ?? (quick ? 300 : 2000)) * MB
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-proof-files-'))
  log('starting an S3 server')
  const server = await startTestS3()
  try {
    const outcomes = new Map<string, Outcome>()
    // The package is published as JavaScript: what it takes to read TypeScript is not part of it, and not needed a second time.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') }
    await inOwnProcess(join(folder, 'files'), MB, { signal, env })
    for (const [name, url] of [
      ['disk', join(folder, 'files')],
      ['bucket', await server.bucket('large')],
    ] as const) {
      log(`${size / MB} MB to and from the ${name}`)
      outcomes.set(name, await inOwnProcess(url, size, { signal, env }))
    }
    return report(size, outcomes)
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

interface ProcessOptions {
  signal: AbortSignal
  env: NodeJS.ProcessEnv
}

async function inOwnProcess(url: string, size: number, options: ProcessOptions): Promise<Outcome> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, url, String(size)], options)
  return JSON.parse(stdout) as Outcome
}

function report(size: number, outcomes: ReadonlyMap<string, Outcome>): Report {
  const claims: Claim[] = []
  const rows: Row[] = []
  for (const [name, { same, idle, peak, writeMs, readMs }] of outcomes) {
    claims.push(
      {
        claim: `${name}: what is read is what was written`,
        goal: 'the same SHA-256',
        value: same ? 'the same' : 'another',
        holds: same,
      },
      {
        claim: `${name}: memory that this takes, at most`,
        goal: `less than ${MOST / MB} MB`,
        value: `${((peak - idle) / MB).toFixed(0)} MB`,
        holds: peak - idle < MOST,
      },
    )
    // For a bucket, the HTTP and TLS of Node.js are loaded as well: with them, an idle process has 80 MB before it does anything.
    if (name === 'disk')
      claims.push({
        claim: `${name}: memory of the whole process, with what Node.js takes itself, at most`,
        goal: `less than ${MOST / MB} MB`,
        value: `${(peak / MB).toFixed(0)} MB`,
        holds: peak < MOST,
      })
    rows.push({
      storage: name,
      'MB written a second': ((size / MB / writeMs) * 1000).toFixed(0),
      'MB read a second': ((size / MB / readMs) * 1000).toFixed(0),
      'MB of memory before': (idle / MB).toFixed(0),
      'MB of memory at most': (peak / MB).toFixed(0),
    })
  }
  return { claims, rows }
}
