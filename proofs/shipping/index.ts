/** What users get: packages that install and start quickly, new projects that run within a minute and pass their own checks,
 *  files that make a bare machine into one on which the app runs, and an image that runs without rights. `--only machine`,
 *  `--only image` and `--only chart` try one part alone. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Claim, Claims, ClaimsOptions, Report, Row } from '../../scripts/claims/index.ts'
import { buildCreate, buildTenfold, pack } from '../../scripts/packages/index.ts'
import { chartImpossible, proveChart } from './chart.ts'
import { imageImpossible, proveImage } from './image.ts'
import { machineImpossible } from './machine.ts'
import { cheapestOf, NPM, run, startProject } from './processes.ts'
import { proveStageOne } from './stage-one.ts'

export default {
  name: 'shipping',
  about:
    'packages install and start quickly; npm create tenfold gives a running app within a minute, which passes its checks; the files of stage 1 make a bare Debian run it; its image is built, and runs without rights',
  options: {
    only: 'machine, image or chart: stage 1 on a bare machine, the container image or the Helm chart, and nothing else',
  },
  run: prove,
} satisfies Claims

/** What needs a system of its own to be tried. */
const PARTS = {
  machine: { what: 'stage 1 on a bare machine', impossible: machineImpossible, prove: proveStageOne },
  image: { what: 'the container image', impossible: imageImpossible, prove: proveImage },
  chart: { what: 'the Helm chart', impossible: chartImpossible, prove: proveChart },
}
const STARTERS = ['minimal', 'api', 'shop']

async function prove({ quick, set, log, signal }: ClaimsOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-shipping-'))
  try {
    log('building and packing')
    await Promise.all([buildTenfold(join(folder, 'tenfold')), buildCreate(join(folder, 'create'))])
    const tenfold = await pack(join(folder, 'tenfold'), folder)
    const create = await pack(join(folder, 'create'), folder)
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    // Once without looking at the clock: npm's cache is warm for a developer, too.
    await run('npm', ['install', ...NPM, tenfold.file, create.file], { cwd: folder })

    const claims: Claim[] = []
    for (const [name, { what, impossible, prove: part }] of Object.entries(PARTS)) {
      if (set.only !== undefined && set.only !== name) continue
      const reason = quick ? 'it takes minutes' : impossible()
      if (reason === undefined) claims.push(...(await part({ folder, tenfold: tenfold.file }, log)))
      else log(`${what} is not tried: ${reason}`)
    }
    if (set.only !== undefined) return { claims, rows: [] }

    log('starting')
    const times = quick ? 3 : 10
    const bare = await cheapestOf(times, ['-e', '0'], folder)
    const door = await cheapestOf(times, ['--input-type=module', '-e', "await import('tenfold')"], folder)
    const version = await cheapestOf(times, ['node_modules/tenfold/bin/tenfold.js', '--version'], folder)

    const rows: Row[] = []
    for (const starter of quick ? STARTERS.slice(0, 1) : STARTERS) {
      if (signal.aborted) break
      log(`npm create tenfold: ${starter}`)
      const made = await startProject({ folder, starter, tenfold: tenfold.file })
      await made.stop()
      log(`its checks: ${starter}`)
      const checks = await run('npm', ['run', 'check'], { cwd: made.folder })
      rows.push({
        starter,
        'first answer, s': made.seconds,
        'npm run check': checks.code === 0 ? 'passes' : checks.output.trim().split('\n').slice(-5).join(' | '),
      })
    }
    const slowest = Math.max(...rows.map((row) => Number(row['first answer, s'])))
    const failing = rows.filter((row) => row['npm run check'] !== 'passes')
    claims.push(
      claim('seconds from npm create to the first answer', 'at most 60', slowest, slowest <= 60),
      claim(
        'new projects that pass their own checks',
        `all ${rows.length}`,
        rows.length - failing.length,
        failing.length === 0,
      ),
      claim('kB to download, packed', 'at most 2000', Math.round(tenfold.size / 1000), tenfold.size <= 2_000_000),
      claim('kB unpacked', 'at most 8000', Math.round(tenfold.unpackedSize / 1000), tenfold.unpackedSize <= 8_000_000),
      claim(
        'ms of processor time to import tenfold, beyond a bare node',
        'at most 600',
        Math.round(door - bare),
        door - bare <= 600,
      ),
      claim(
        'ms of processor time for tenfold --version, beyond a bare node',
        'at most 800',
        Math.round(version - bare),
        version - bare <= 800,
      ),
    )
    return { claims, rows }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function claim(what: string, goal: string, value: number, holds: boolean): Claim {
  return { claim: what, goal, value, holds }
}
