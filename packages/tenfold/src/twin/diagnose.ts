/** From what differs, and what the instances said, to the assumption behind it.
 *
 *  Nothing is a fault by its looks: a counter for metrics, a memoised function and a temporary file are all state of one
 *  process. What makes a fault is an answer or an effect that differs; what the instances said only explains it. */
import type { Difference } from './compare.ts'
import type { Asked, Kept, Said, Site } from './evidence.ts'
import { type Cause, type Evidence, type Finding, finding } from './findings.ts'
import type { Run, Seen } from './fleet.ts'
import { isSafe } from './scenario.ts'

export interface Symptoms {
  differences: Difference[]
  /** The runs with one instance: a session that is found there may never be found among several. */
  alone: Run[]
  /** The runs in which they were seen. */
  together: Run[]
  /** What still differs when one condition is taken away; undefined when that was not tried. */
  withoutSkew?: Difference[]
  withSharedDisk?: Difference[]
  /** With all instances restarted before. */
  afterRestart?: Difference[]
}

type Of<Kind extends Said['kind']> = Extract<Said, { kind: Kind }>

export function explain(symptoms: Symptoms): Finding[] {
  const byCause = Map.groupBy(symptoms.differences, (one) => causeOf(one, symptoms))
  return [...byCause].map(([cause, differences]) =>
    finding(cause, differences, evidenceFor(cause, differences, symptoms)),
  )
}

/** What can be said without taking a condition away; undefined when that needs an experiment. */
export function plainCauseOf(difference: Difference, symptoms: Symptoms): Cause | undefined {
  if (isAboutStreams(difference)) return 'sticky-sockets'
  if (isAboutLimits(difference)) return 'memory-limits'
  const { keyed, changed } = stateOf(difference, symptoms)
  const sessions = keyed.length > 0 || kept(symptoms, 'sessions').length > 0
  if (sessions && changed.every((one) => isOneOf(keyed, one.site))) return 'memory-sessions'
  if (secrets(symptoms).length > 0 && /^4\d\d/.test(difference.together)) return 'startup-secret'
  return undefined
}

function causeOf(difference: Difference, symptoms: Symptoms): Cause {
  const { withoutSkew, withSharedDisk, afterRestart } = symptoms
  const gone = (without: Difference[] | undefined): boolean =>
    without !== undefined && !without.some((one) => one.step === difference.step)
  if (gone(withSharedDisk)) return 'local-files'
  const plain = plainCauseOf(difference, symptoms)
  if (plain) return plain
  if (gone(withoutSkew)) return 'clock-skew'
  if (gone(afterRestart)) return 'stale-cache'
  const sessions = said(symptoms, 'keyed').length > 0 || kept(symptoms, 'sessions').length > 0
  if (sessions && /^(401|403|302|303)/.test(difference.together)) return 'memory-sessions'
  return said(symptoms, 'state').length > 0 ? 'module-state' : 'unexplained'
}

function isAboutStreams({ at, request, together }: Difference): boolean {
  return at === 'messages' || (/\/socket\.io\//.test(request) && /^400/.test(together))
}

function isAboutLimits({ at, alone, together }: Difference): boolean {
  return /ratelimit/.test(at) || /^429/.test(alone) || /^429/.test(together)
}

/** What changed while this step was answered, and what clients name by their cookies and tokens. */
function stateOf({ step }: Difference, symptoms: Symptoms): { keyed: Site[]; changed: Of<'state'>[] } {
  const keyed = said(symptoms, 'keyed').map(({ site }) => site)
  const changed = said(symptoms, 'state').filter(({ during }) => during?.step === step)
  return { keyed, changed }
}

function evidenceFor(cause: Cause, differences: Difference[], symptoms: Symptoms): Evidence[] {
  switch (cause) {
    case 'local-files':
      return files(symptoms)
    case 'memory-sessions': {
      const keyed = said(symptoms, 'keyed').map(({ site }) => site)
      return [...kept(symptoms, 'sessions'), ...states(symptoms, ({ site }) => isOneOf(keyed, site))]
    }
    case 'memory-limits': {
      const stores = kept(symptoms, 'limits')
      return stores.length > 0 ? stores : likely(differences, symptoms)
    }
    case 'stale-cache': {
      const stores = kept(symptoms, 'cache')
      const read = states(symptoms, ({ during }) => during !== undefined && isSafe(during.method))
      return read.length > 0 || stores.length > 0 ? [...stores, ...read] : likely(differences, symptoms)
    }
    case 'startup-secret':
      return secrets(symptoms)
    case 'sticky-sockets':
      return [...kept(symptoms, 'sockets'), ...likely(differences, symptoms)]
    case 'module-state':
      return likely(differences, symptoms)
    default:
      return []
  }
}

/** State that changed in the steps that differ; else in steps that change something; else any. */
function likely(differences: Difference[], symptoms: Symptoms): Evidence[] {
  const steps = new Set(differences.map(({ step }) => step))
  const own = states(symptoms, ({ during }) => during?.step !== undefined && steps.has(during.step))
  const changing = states(symptoms, ({ during }) => during !== undefined && !isSafe(during.method))
  if (own.length > 0 || changing.length > 0) return distinct([...own, ...changing])
  return states(symptoms, () => true)
}

function states(symptoms: Symptoms, wanted: (one: Of<'state'>) => boolean): Evidence[] {
  return distinct(
    said(symptoms, 'state')
      .filter(wanted)
      .map(({ site, before, after, during }) => ({
        kind: 'state',
        site,
        before,
        after,
        ...(during && { request: asked(during) }),
      })),
  )
}

function kept(symptoms: Symptoms, keeps: Kept): Evidence[] {
  return distinct(
    said(symptoms, 'store')
      .filter((one) => one.keeps === keeps)
      .map(({ package: name, at }) => ({ kind: 'store', package: name, ...(at && { at }) })),
  )
}

/** Files that one instance wrote: where it says so itself, with the line; otherwise what is new on its disk. */
function files(symptoms: Symptoms): Evidence[] {
  const told = symptoms.together.flatMap(({ seen }) =>
    seen.flatMap((instance) => writtenBy(instance).map((one) => fileEvidence(one, instance))),
  )
  const stores = kept(symptoms, 'uploads')
  if (told.length > 0 || stores.length > 0) return distinct([...stores, ...told])
  const written = new Set(symptoms.together.flatMap(({ seen }) => seen.flatMap((one) => one.written)))
  return [...written].map((path) => ({ kind: 'file', path }))
}

function writtenBy({ said: all }: Seen): Of<'file'>[] {
  return all.filter((one): one is Of<'file'> => one.kind === 'file' && one.op === 'write')
}

function fileEvidence({ path, at, during }: Of<'file'>, { disk }: Seen): Evidence {
  return { kind: 'file', path: shortPath(path, disk), ...(at && { at }), ...(during && { request: asked(during) }) }
}

export function shortPath(path: string, { root, temporary }: Seen['disk']): string {
  if (path.startsWith(`${root}/`)) return path.slice(root.length + 1)
  return path.startsWith(temporary) ? `$TMPDIR${path.slice(temporary.length)}` : path
}

/** Values that each process made for itself when it started. */
function secrets({ together }: Symptoms): Evidence[] {
  const digests = new Map<string, { site: Site; values: Set<string> }>()
  for (const { seen } of together) {
    for (const one of seen.flatMap((instance) => instance.said)) {
      if (one.kind !== 'values') continue
      for (const { site, digest } of one.values) {
        const name = `${site.file}:${site.line} ${site.name}`
        const known = digests.get(name) ?? { site, values: new Set() }
        digests.set(name, { site, values: known.values.add(digest) })
      }
    }
  }
  return [...digests.values()].filter(({ values }) => values.size > 1).map(({ site }) => ({ kind: 'value', site }))
}

function said<Kind extends Said['kind']>({ alone, together }: Symptoms, kind: Kind): Of<Kind>[] {
  const all = [...together, ...alone].flatMap(({ seen }) => seen.flatMap((one) => one.said))
  return all.filter((one): one is Of<Kind> => one.kind === kind)
}

function isOneOf(sites: readonly Site[], site: Site): boolean {
  return sites.some((one) => one.file === site.file && one.line === site.line && one.name === site.name)
}

export function asked({ method, path }: Asked): string {
  return `${method} ${path}`
}

/** The same line is evidence once, however many requests show it. */
function distinct(list: Evidence[]): Evidence[] {
  const seen = new Set<string>()
  return list.filter((one) => {
    const place = 'site' in one ? one.site : 'at' in one ? one.at : undefined
    const name = place
      ? `${one.kind} ${place.file}:${place.line} ${'site' in one ? one.site.name : ''}`
      : JSON.stringify(one)
    return !seen.has(name) && seen.add(name)
  })
}
