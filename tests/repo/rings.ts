import type { Law, Verdict } from './law.ts'
import { type Import, isTestCode, type Source, sourcesIn } from './source.ts'
import type { Tree } from './tree.ts'

const SRC = 'packages/tenfold/src'

/** Arrows point down only; siblings of one ring never import each other. */
export const RINGS: readonly (readonly string[])[] = [
  ['kernel'],
  ['config', 'telemetry', 'report'],
  ['database', 'redis'],
  ['cache', 'queue', 'cron', 'storage', 'sessions', 'limits', 'outbound', 'mail', 'pubsub'],
  ['http', 'analytics', 'inspect', 'backup', 'evidence'],
  ['modules', 'advisor', 'plan', 'alerts'],
  ['console', 'twin', 'record', 'load', 'deploy', 'supervisor', 'webhooks', 'mailer'],
  ['app', 'parts', 'observe'],
  ['cli'],
]

const CONNECTION =
  'it is a connection, not a user of one: it must work in an app that has no queue, no HTTP and no modules'
const ALONE =
  'a capability stands alone on the database, so that its backend can be changed without touching the others'
const OUTSIDE = 'it looks at the running whole from outside, or it would be part of what it measures'

/** What goes wrong when the arrow points the other way. */
export const WHY: Readonly<Record<string, string>> = {
  kernel: 'everything stands on it, so it can know of nothing above',
  config: 'it is read before anything is connected',
  telemetry: 'everything above reports to it; if it knew them, a failing database could take the logs with it',
  report: 'it draws numbers and does not know whose they are, so that every ring above may show its own',
  database: CONNECTION,
  redis: CONNECTION,
  cache: ALONE,
  queue: ALONE,
  cron: ALONE,
  storage: ALONE,
  sessions: ALONE,
  limits: ALONE,
  outbound: ALONE,
  pubsub: ALONE,
  mail: ALONE,
  http: 'it serves handlers without knowing what they use, so that an app without HTTP (a worker) stays one',
  modules: 'a definition is inert: it says in the words of the rings below what it wants, and is joined to them by app',
  analytics: 'it receives events; whoever sends them is joined to it by app',
  inspect: 'it answers questions about the running whole and must not change what it looks at',
  backup: 'it has to work when the app does not: to restore takes a folder and storage, and nothing that runs',
  evidence:
    'it watches what the rings below do, from outside of the path of requests; how it is judged is not its business',
  advisor: 'evidence is data, so that a verdict can be replayed from a file',
  alerts:
    'it reads what was stored and knows nothing of who measured it, so that it goes on when what it is about does not',
  plan: 'a model is arithmetic on measured numbers: it must be possible to check it without anything that runs',
  console: 'it looks at the running whole from outside, through inspect, so that it can run in a process of its own',
  twin: OUTSIDE,
  record: OUTSIDE,
  load: OUTSIDE,
  deploy: 'it describes the whole and must not need it running',
  mailer: 'like webhooks it is written with the kit of modules alone; what knows SMTP lies below, in mail',
  webhooks:
    'it is written with the kit of modules alone, as an app could write it, so that what it needs every app is given',
  supervisor: 'it starts processes and knows nothing of what runs in them, so that it stays up when they do not',
  app: 'it joins everything and is used by the command line and by users only',
  parts:
    'it joins one capability to a database that is not ours, for an app that is not made of modules: with app in it, whoever wants a queue gets a framework',
  observe:
    'it joins what looks at an app to an app that is not made with us: whatever of `app` it needed, it would load into that',
  cli: 'it is the outermost ring',
}

/** Doors inside a folder, beside its index.ts. */
const INNER_DOORS: Readonly<Record<string, string>> = {
  'database/embedded':
    'it is loaded only when no DATABASE_URL is set, so that an app with a database of its own never reads it',
  'database/advice':
    'it plans the workload on a scratch server, and is loaded when somebody asks for advice: no other app reads it',
  'database/safety':
    'it judges migrations with a parser compiled to WebAssembly, and is loaded by commands only: no running app reads it',
}

/** The files directly in src are the package's own doors (`tenfold`, `tenfold/testing`): they may import every ring. */
const isDoor = (path: string): boolean => !path.slice(SRC.length + 1).includes('/')

export const rings: Law = {
  name: 'imports point down the rings',
  why: 'One package stays one only if its inner walls hold: a wrong arrow today is the reason that nothing can be taken out tomorrow.',
  atLeast: 150,
  judge(tree: Tree): Verdict {
    const sources = sourcesIn(tree, SRC)
    const imports = sources.flatMap((source) => source.imports.map((to) => ({ source, to })))
    const unknown = [...new Set(sources.filter((s) => !isDoor(s.path)).map((s) => folderOf(s.path)))].filter(
      (folder) => ringOf(folder) === undefined,
    )
    return {
      seen: imports.length,
      faults: [
        ...unknown.map((folder) => `${SRC}/${folder} has no ring: give it one in tests/repo/rings.ts`),
        ...imports.flatMap(({ source, to }) => faultOf(source, to, tree) ?? []),
      ],
    }
  },
}

function faultOf(source: Source, to: Import, tree: Tree): string | undefined {
  const at = `${source.path}:${to.line} imports ${to.specifier}`
  if (to.specifier === 'tenfold' || to.specifier.startsWith('tenfold/'))
    return `${at} - inside the package import the folder, not the package`
  if (to.target === undefined || isDoor(source.path)) return undefined
  if (!to.target.startsWith(`${SRC}/`)) return outside(source, to, at)
  if (!tree.has(to.target)) return `${at} - there is no such file`
  if (isDoor(to.target) && isTestCode(source.path) && ['app', 'cli'].includes(folderOf(source.path))) return undefined
  if (isDoor(to.target)) return `${at} - the package's own doors are for users; import the folder`
  const from = folderOf(source.path)
  const target = folderOf(to.target)
  const toTesting = /\/testing\//.test(to.target.slice(SRC.length))
  if (!isTestCode(source.path) && isTestCode(to.target)) return `${at} - what an app runs may not need test code`
  if (from === target) return undefined
  if (isTestCode(source.path) && toTesting)
    return door(to.target, `${target}/testing`) ? undefined : `${at} - only through ${target}/testing/index.ts`
  const through = [target, ...Object.keys(INNER_DOORS).filter((inner) => inner.startsWith(`${target}/`))]
  const fault = arrow(source.path, from, target, at)
  if (fault || through.some((folder) => door(to.target ?? '', folder))) return fault
  return `${at} - only through ${target}/index.ts, its public door`
}

/** The manifest is the only thing above src that the sources may read. */
function outside(source: Source, to: Import, at: string): string | undefined {
  if (isTestCode(source.path) || to.target === 'packages/tenfold/package.json') return undefined
  return `${at} - outside of ${SRC} there is nothing that the published package could read`
}

/** Test code may also look at its siblings: a test of the whole ring is still below the ring above. */
function arrow(path: string, from: string, target: string, at: string): string | undefined {
  const [own, other] = [ringOf(from) ?? 0, ringOf(target) ?? 0]
  if (other < own || (other === own && isTestCode(path))) return undefined
  const direction = other === own ? 'siblings never import each other' : `${from} is below ${target}`
  return `${at} - ${direction}: ${WHY[from] ?? 'arrows point down only'}`
}

function folderOf(path: string): string {
  return path.slice(SRC.length + 1).split('/')[0] ?? ''
}

function ringOf(folder: string): number | undefined {
  const ring = RINGS.findIndex((names) => names.includes(folder))
  return ring === -1 ? undefined : ring
}

function door(target: string, folder: string): boolean {
  return target === `${SRC}/${folder}/index.ts`
}
