import { resolve } from 'node:path'
import { routesDocument } from '../../app/index.ts'
import { generateClient } from '../../http/index.ts'
import {
  compareRuns,
  findResult,
  k6Script,
  listResults,
  problemOf,
  scenarioOf,
  wordsOfComparison,
  type LoadResult,
} from '../../load/index.ts'
import type { Command } from '../command.ts'
import { MissingArgument } from '../errors.ts'
import { loadProject, type Project } from '../project.ts'
import { runsFolder, shown } from '../runs.ts'
import { numberOf, stagesOf } from '../stages.ts'

const projectOf = (flags: Record<string, string | boolean | undefined>): Promise<Project | undefined> =>
  loadProject(flags).catch(() => undefined)

export const loadList: Command = {
  examples: ['tenfold load list'],
  async run({ flags, output }) {
    const all = listResults(runsFolder(await projectOf(flags)))
    output.show(
      all.map(({ steps: _, ...rest }) => rest),
      () => {
        if (all.length === 0) return output.line('no runs yet; `tenfold load` makes one')
        output.table(
          ['run', 'scenario', 'release', 'steps', 'requests', 'p95 ms', 'errors', 'valid'],
          all.map(({ id, scenario, release = '', steps, total, valid }) => {
            const errors = `${shown(total.errorShare * 100)} %`
            return [
              id,
              scenario,
              release,
              String(steps.length),
              String(total.requests),
              shown(total.latency.p95),
              errors,
              valid ? 'yes' : 'no',
            ]
          }),
        )
      },
    )
    return 0
  },
}

export const loadCompare: Command = {
  args: '<before> [<after>]',
  maxArgs: 2,
  options: {
    least: { type: 'string', value: '<percent>', about: 'what is too little to matter (default: 10)' },
    'if-possible': { type: 'boolean', about: 'what cannot be compared is said, and is no failure' },
  },
  examples: [
    'tenfold load compare previous latest',
    'tenfold load compare main.json',
    'tenfold load compare 20260504-101500 latest --least 5',
  ],
  async run({ args, flags, output }) {
    const [before, after = 'latest'] = args
    if (before === undefined) throw MissingArgument({ argument: 'a run to compare with', command: 'load compare' })
    const folder = runsFolder(await projectOf(flags))
    const find = (names: string): LoadResult[] => names.split(',').map((name) => findResult(folder, name))
    const least = flags.least === undefined ? 0.1 : numberOf('--least', flags.least) / 100
    const [old, fresh] = [find(before), find(after)]
    const problem = flags['if-possible'] === true ? problemOf(old, fresh) : undefined
    if (problem !== undefined) {
      output.show({ verdict: 'not comparable', problem }, () => output.line(`It cannot be said: ${problem}.`))
      return 0
    }
    const comparison = compareRuns(old, fresh, { least })
    output.show(comparison, () => {
      for (const line of [...wordsOfComparison(comparison), ...comparison.notes]) output.line(line)
    })
    return comparison.verdict === 'slower' ? 1 : 0
  },
}

export const loadK6: Command = {
  args: '[<scenario>]',
  maxArgs: 1,
  options: {
    url: { type: 'string', value: '<url>', about: 'the app; k6 also takes it from TARGET' },
    route: { type: 'string', value: '<path>', about: 'in place of a scenario: GET this path' },
    rate: { type: 'string', value: '<n>', about: 'visitors a second, in place of the stages of the scenario' },
    users: { type: 'string', value: '<n>', about: 'so many who come again at once' },
    for: { type: 'string', value: '<time>', about: 'how long each step is' },
  },
  examples: [
    'tenfold load k6 load/browse.ts > browse.k6.ts',
    'tenfold load k6 --route /products --rate 10..200 --for 2m',
  ],
  async run({ args, flags, output }) {
    const path = typeof flags.route === 'string' ? flags.route : undefined
    if (args[0] === undefined && path === undefined)
      throw MissingArgument({ argument: 'a scenario or --route', command: 'load k6' })
    const requests = path === undefined ? undefined : [{ weight: 1, route: `GET ${path.split('?')[0]}`, path }]
    const file = requests ? undefined : resolve(args[0]!)
    const scenario = await scenarioOf(file, requests)
    const stages = stagesOf(flags) ?? scenario.stages ?? [{ rate: 10, for: '30s' as const }]
    const url = String(flags.url ?? 'http://127.0.0.1:3000')
    const script = k6Script({
      url,
      scenario,
      stages,
      ...(requests ? { requests } : { file: { scenario: file!, folder: process.cwd() } }),
    })
    output.show({ script }, () => output.line(script.trimEnd()))
    return 0
  },
}

export const loadClient: Command = {
  examples: ['tenfold load client > load/client.d.ts'],
  async run({ flags, output }) {
    const { app, version } = await loadProject(flags)
    const { dts } = generateClient(routesDocument(app, version))
    output.show({ dts }, () => output.line(dts.trimEnd()))
    return 0
  },
}
