/** Run as a program: imports the files named on the command line and reports, as JSON, what that did besides defining things. */
import { pathToFileURL } from 'node:url'

export interface Loudness {
  /** `packages/tenfold/src/a/b.ts read PORT`. */
  environment: string[]
  /** Timers, sockets and the like that were left behind. */
  handles: string[]
}

const [root = '', ...files] = process.argv.slice(2)
const environment = new Set<string>()
const real = process.env

Object.defineProperty(process, 'env', {
  value: new Proxy(real, {
    get(target, name) {
      const reader = new Error('who reads').stack?.split('\n')[2] ?? ''
      const path = reader.slice(reader.indexOf(root) + root.length).replace(/[:)].*$/, '')
      if (typeof name === 'string' && reader.includes(root) && !reader.includes('/node_modules/'))
        environment.add(`${path} read ${name}`)
      return Reflect.get(target, name) as unknown
    },
  }),
})

// The standard streams open when they are first looked at, and looking is allowed.
for (const name of ['stdin', 'stdout', 'stderr'] as const) Reflect.get(process, name)
const before = process.getActiveResourcesInfo()
for (const file of files) await import(pathToFileURL(file).href)
const left = [...process.getActiveResourcesInfo()]
for (const resource of before) if (left.includes(resource)) left.splice(left.indexOf(resource), 1)

process.stdout.write(
  JSON.stringify({
    environment: [...environment],
    handles: left.filter((name) => name !== 'FSReqPromise'),
  } satisfies Loudness),
)
process.exit()
