/** Product analytics out of a real ClickHouse engine gives the numbers that its contract asks for: 26.7, as the package `chdb`
 *  brings it, which no test may install (600 MB). */
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Claims, ClaimsOptions, Report } from '../../scripts/claims/index.ts'

const PEERS = { chdb: '3.4.0' }

export default {
  name: 'columns',
  about: 'product analytics on a real ClickHouse engine keeps every promise of its contract',
  options: { plant: '`twice`: what was copied twice is counted twice, to see that found' },
  run,
} satisfies Claims

async function run({ set, log, installPeers }: ClaimsOptions): Promise<Report> {
  log('installing chdb, 600 MB on disk, where it is not there yet')
  const peers = await installPeers(PEERS)
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-columns-'))
  const loader = pathToFileURL(join(peers.folder, 'load.js')).href
  const server = fork(join(import.meta.dirname, 'server.program.ts'), [loader, join(folder, 'data'), set.plant ?? ''], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  try {
    const url = await firstLine(server)
    log(`the contract, on ${url}`)
    const { passed, failed } = await contract(url)
    return {
      claims: [
        {
          claim: 'promises of product analytics that a ClickHouse engine breaks',
          goal: `0 of ${passed + failed.length}`,
          value: failed.length === 0 ? '0' : failed.join('; '),
          holds: passed > 30 && failed.length === 0,
        },
      ],
      rows: [],
    }
  } finally {
    server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

function firstLine(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the engine ended with ${code}`)))
    server.stdout!.once('data', (line: Buffer) => resolve(line.toString().trim()))
  })
}

async function contract(url: string): Promise<{ passed: number; failed: string[] }> {
  const file = join(import.meta.dirname, 'contract.program.ts')
  const env = { ...process.env, COLUMNS_URL: url }
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, ['--test', '--test-reporter=tap', file], { env, maxBuffer: 1e8 }, (_, out) =>
      resolve(out),
    )
  })
  const results = [...output.matchAll(/^\s+(not )?ok \d+ - (.*)$/gm)].filter(
    ([, , name]) => !name!.startsWith('analytics on'),
  )
  return {
    passed: results.filter(([, not]) => !not).length,
    failed: results.filter(([, not]) => not).map(([, , name]) => name!),
  }
}
