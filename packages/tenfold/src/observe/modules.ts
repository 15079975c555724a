/** Drivers and frameworks that have no channel of their own get one: a line behind their source hands out what they export.
 *  Node's hooks see `require` and `import` alike. https://nodejs.org/api/module.html#moduleregisterhooksoptions */
import { readFileSync } from 'node:fs'
import { type ModuleSource, registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { attempt } from './attempt.ts'
import { createPgHooks } from './drivers/pg.ts'
import { createPostgresHooks } from './drivers/postgres.ts'
import { templateOfHono } from './names.ts'
import type { Seat } from './seat.ts'

/** Where the changed sources find us. */
const HOOK = '__tenfoldObserve'

interface Change {
  file: RegExp
  change(source: string): string
}

const CHANGES: readonly Change[] = [
  {
    file: /\/node_modules\/pg\/lib\/(?:native\/)?client\.js$/,
    change: (source) => `${source}\n;${calling('pgClient(module.exports)')};`,
  },
  {
    file: /\/node_modules\/pg-pool\/index\.js$/,
    change: (source) => `${source}\n;${calling('pgPool(module.exports)')};`,
  },
  {
    file: /\/node_modules\/postgres\/(?:cjs\/)?src\/query\.js$/,
    change: (source) =>
      `${source.replace("this.signature = ''", (set) => `${set};${calling('postgresMade(this)')}`)}\n;${calling('postgresQuery(Query)')};`,
  },
  {
    file: /\/node_modules\/hono\/dist\/(?:cjs\/)?hono-base\.js$/,
    change: (source) =>
      source.replace(
        'const matchResult = this.router.match(method, path);',
        (match) => `${match}${calling('hono(env,matchResult)')};`,
      ),
  },
]

function calling(call: string): string {
  return `globalThis.${HOOK}?.${call}`
}

export function hookModules(seat: Seat): void {
  const pg = createPgHooks(seat)
  const postgres = createPostgresHooks(seat)
  const hooks = {
    pgClient: guarded(pg.client),
    pgPool: guarded(pg.pool),
    postgresQuery: guarded(postgres.query),
    postgresMade: guarded(postgres.made),
    hono: guarded((env: { incoming?: object } | undefined, matched: unknown) => {
      const template = seat.observer && templateOfHono(matched)
      if (template !== undefined && env?.incoming) seat.observer?.routed(env.incoming, template)
    }),
  }
  Object.defineProperty(globalThis, HOOK, { value: hooks, enumerable: false })
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      const found = url.includes('/node_modules/') ? CHANGES.find(({ file }) => file.test(url)) : undefined
      if (!found) return loaded
      const source = attempt(() => found.change(textOf(loaded.source) ?? readFileSync(fileURLToPath(url), 'utf8')))
      // Packages that name no type have no format yet: they are CommonJS.
      return source === undefined ? loaded : { ...loaded, format: loaded.format ?? 'commonjs', source }
    },
  })
}

function textOf(source: ModuleSource | undefined): string | undefined {
  if (source === null || source === undefined || typeof source === 'string') return source ?? undefined
  return Buffer.from(source as Uint8Array).toString('utf8')
}

/** A package that is not as expected is used as it is. */
function guarded<Args extends unknown[]>(hook: (...args: Args) => void): (...args: Args) => void {
  return (...args) => attempt(() => hook(...args))
}
