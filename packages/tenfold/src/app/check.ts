/** What can be known to be wrong with an app before anything is started. */
import { timetableOf } from '../cron/index.ts'
import { messageOf, toMs } from '../kernel/index.ts'
import { nameOf, type CronDefinition, type JobDefinition, type Module } from '../modules/index.ts'

export function problemsOf(name: string, modules: readonly Module[]): string[] {
  return [
    ...(/^[a-z][a-z0-9_]{0,29}$/.test(name)
      ? []
      : [`the app's name '${name}' must be lower-case letters, digits and _ (at most 30)`]),
    ...duplicates(modules),
    ...modules.flatMap((module) => edgesOf(module, modules)),
    ...cycles(modules),
    ...modules.flatMap((module) => module.parts.flatMap((part) => (part.kind === 'job' ? jobProblems(part) : []))),
  ]
}

/** What starts, and then does less than was meant. */
export function looseEndsOf(modules: readonly Module[]): string[] {
  return modules.flatMap(({ name, parts, unlisted }) => [
    ...unlisted.map(
      (part) => `${part.kind} '${nameOf(part)}' is not among the parts of module '${name}': nothing runs it`,
    ),
    ...parts.flatMap((part) => (part.kind === 'cron' ? scheduleProblems(part) : [])),
  ])
}

function scheduleProblems({ name, schedule, options }: CronDefinition): string[] {
  try {
    timetableOf({ name, schedule, timeZone: options.timeZone ?? 'UTC' })
    return []
  } catch (error) {
    return [messageOf(error)]
  }
}

function duplicates(modules: readonly Module[]): string[] {
  const names = modules.map((module) => module.name)
  const routes = modules.flatMap((module) =>
    module.parts.filter((part) => part.kind === 'route').map((part) => shapeOf(nameOf(part))),
  )
  return [
    ...twice(names).map((name) => `two modules are named '${name}'`),
    ...twice(routes).map((route) => `two routes are '${route}'`),
  ]
}

/** `/orders/:id` and `/orders/:order` are the same route. */
function shapeOf(path: string): string {
  return path.replace(/:[^/]+/g, ':…')
}

function twice(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) !== i))]
}

const DAY = 86_400_000

/** Options of a job that no run could keep. */
function jobProblems({ name, options }: JobDefinition): string[] {
  const { attempts = 1, priority = 0, version = 1, batch, rate, concurrency, run, runBatch } = options
  const whole = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most
  const wrong: [boolean, string][] = [
    [!run === !runBatch, '`run`, or `batch` with `runBatch`, and not both'],
    [!batch !== !runBatch, '`batch` and `runBatch` together'],
    [!!batch && !whole(batch.size, 1, 1000), 'a batch `size` from 1 to 1000'],
    [!whole(attempts, 1, 10_000), '`attempts` from 1 to 10000'],
    [!whole(priority, -1000, 1000), 'a whole `priority` from -1000 to 1000'],
    [!whole(version, 1, 32_767), 'a whole `version` from 1 to 32767'],
    [!!rate && !whole(rate.max, 1, 1_000_000), 'a `rate` whose `max` lets one begin'],
    [!!rate && !(toMs(rate.per) >= 1 && toMs(rate.per) <= DAY), 'a `rate` over 1 ms to one day'],
    [!!concurrency && !whole(concurrency.limit, 1, 1_000_000), 'a `concurrency` whose `limit` lets one run'],
  ]
  return wrong.filter(([is]) => is).map(([, needs]) => `job '${name}' needs ${needs}`)
}

/** Each contract in `uses` must be there and be implemented; each event listened to must be published by its module. */
function edgesOf(module: Module, modules: readonly Module[]): string[] {
  const problems: string[] = []
  for (const contract of Object.values(module.uses)) {
    const owner = modules.find((other) => other.name === contract.name)
    const implemented = owner?.parts.some((part) => part.kind === 'implementation')
    if (!owner) problems.push(`'${module.name}' uses '${contract.name}', which is not among the app's modules`)
    else if (!implemented && Object.keys(contract.methods).length > 0) {
      problems.push(`'${module.name}' uses '${contract.name}', which lists no m.implement(${contract.name}, …)`)
    }
  }
  for (const part of module.parts) {
    if (part.kind !== 'subscription') continue
    const { shape } = part
    const known = shape.module === module.name || shape.module in module.uses
    const owner = modules.find((other) => other.name === shape.module)
    const published = owner?.parts.some((other) => other.kind === 'event' && other.shape.name === shape.name)
    if (!known)
      problems.push(
        `'${part.name}' listens to '${shape.name}' without '${shape.module}' in the uses of '${module.name}'`,
      )
    else if (!published)
      problems.push(`'${part.name}' listens to '${shape.name}', which '${shape.module}' does not list as m.event(…)`)
  }
  return problems
}

/** Modules that use each other in a ring cannot be understood, tested or split apart. */
function cycles(modules: readonly Module[]): string[] {
  const uses = new Map(
    modules.map((module) => [module.name, Object.values(module.uses).map((contract) => contract.name)]),
  )
  const found = new Map<string, string>()
  const walk = (path: string[]): void => {
    for (const next of uses.get(path.at(-1)!) ?? []) {
      const at = path.indexOf(next)
      if (at < 0) walk([...path, next])
      else {
        const ring = path.slice(at)
        const key = ring.toSorted().join()
        if (!found.has(key)) found.set(key, [...ring, next].join(' → '))
      }
    }
  }
  for (const module of modules) walk([module.name])
  return [...found.values()].map((ring) => `modules use each other in a ring: ${ring}`)
}
