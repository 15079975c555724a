/** A module that crosses its boundary in code: seen by the type checker, or by `tenfold check`, with file and line. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Crossing {
  by: 'tsc' | 'tenfold check'
  what: string
  /** What was said about it. */
  result: string
  held: boolean
}

interface Case {
  by: 'tsc' | 'tenfold check'
  what: string
  /** What the kit of `shop` declares. */
  uses: string
  /** Line 5 of modules/shop/index.ts. */
  line: string
  /** What has to be said about that line; undefined: nothing, for it is legal. */
  says?: RegExp
}

const job = (run: string): string =>
  `const part = m.job('open', { input: z.object({ id: z.int() }), run: async ({ input, call }) => { ${run} } })`
const CALL = job('return call.vault.open({ id: input.id })')
const LISTEN = `const part = m.on(vault.events.opened, 'note', { run: async ({ event }) => event.id })`
const PLAIN = job('return input.id')

const CASES: Case[] = [
  { by: 'tsc', what: 'a declared call', uses: '{ vault }', line: CALL },
  { by: 'tsc', what: 'a subscription to a declared module', uses: '{ vault }', line: LISTEN },
  { by: 'tsc', what: 'a call to an undeclared module', uses: '{}', line: CALL, says: /'vault' does not exist/ },
  { by: 'tsc', what: 'a subscription to an undeclared module', uses: '{}', line: LISTEN, says: /error TS/ },
  {
    by: 'tsc',
    what: 'a call with a wrong input',
    uses: '{ vault }',
    line: job("return call.vault.open({ id: 'one' })"),
    says: /'string' is not assignable to type 'number'/,
  },
  {
    by: 'tsc',
    what: 'a call of what the contract does not have',
    uses: '{ vault }',
    line: job('return call.vault.burn({ id: input.id })'),
    says: /'burn' does not exist/,
  },
  {
    by: 'tsc',
    what: 'a result read as what it is not',
    uses: '{ vault }',
    line: job('return (await call.vault.open({ id: input.id })).number'),
    says: /'number' does not exist/,
  },
  { by: 'tenfold check', what: 'an import of a declared contract', uses: '{ vault }', line: CALL },
  {
    by: 'tenfold check',
    what: 'an import of an undeclared contract',
    uses: '{}',
    line: `import '../vault/contract.ts'; ${PLAIN}`,
    says: /the contract of 'vault', which is not in the uses of 'shop'/,
  },
  {
    by: 'tenfold check',
    what: "an import of the other's inside",
    uses: '{ vault }',
    line: `import { word } from '../vault/secrets.ts'; void word; ${PLAIN}`,
    says: /imports vault\/secrets\.ts/,
  },
  {
    by: 'tenfold check',
    what: "an import of a type of the other's inside",
    uses: '{ vault }',
    line: `import type { Word } from '../vault/secrets.ts'; export type W = Word; ${PLAIN}`,
    says: /imports vault\/secrets\.ts/,
  },
  {
    by: 'tenfold check',
    what: "a re-export of the other's inside",
    uses: '{ vault }',
    line: `export { word } from '../vault/secrets.ts'; ${PLAIN}`,
    says: /imports vault\/secrets\.ts/,
  },
  {
    by: 'tenfold check',
    what: "a dynamic import of the other's inside",
    uses: '{ vault }',
    line: `export const later = () => import('../vault/secrets.ts'); ${PLAIN}`,
    says: /imports vault\/secrets\.ts/,
  },
]

const LINE = 5

const filesOf = ({ uses, line }: Case): Record<string, string> => ({
  'package.json': '{ "name": "crossing", "private": true, "type": "module" }',
  'tenfold.config.ts': `import { config } from 'tenfold'\nexport default config({})\n`,
  'app.ts': `import { app } from 'tenfold'
import shop from './modules/shop/index.ts'
import vault from './modules/vault/index.ts'
export default app({ name: 'crossing', modules: [shop, vault] })
`,
  'modules/vault/contract.ts': `import { contract } from 'tenfold'
import { z } from 'zod'
const Id = z.object({ id: z.int() })
export const vault = contract('vault', { open: { input: Id, output: z.object({ word: z.string() }) } }, { opened: Id })
`,
  'modules/vault/secrets.ts': `export type Word = string\nexport const word: Word = 'x'\n`,
  'modules/vault/index.ts': `import { defineModule } from 'tenfold'
import { vault } from './contract.ts'
import { word } from './secrets.ts'
const m = defineModule('vault')
const answers = m.implement(vault, { open: async () => ({ word }) })
export default m.build({ parts: [answers, m.event(vault.events.opened)], migrations: new URL('./migrations/', import.meta.url) })
`,
  'modules/shop/index.ts': `import { defineModule } from 'tenfold'
import { z } from 'zod'
${uses === '{}' && !/vault\.events/.test(line) ? '' : `import { vault } from '../vault/contract.ts'`}
const m = defineModule('shop', { uses: ${uses} }); void z
${line}
export default m.build({ parts: [part], migrations: new URL('./migrations/', import.meta.url) })
`,
})

export async function crossAll(): Promise<Crossing[]> {
  const here = join(import.meta.dirname, '.tenfold')
  await mkdir(here, { recursive: true })
  const folder = await mkdtemp(join(here, 'crossing-'))
  try {
    for (const [n, one] of CASES.entries()) {
      for (const [path, text] of Object.entries(filesOf(one))) {
        const file = join(folder, String(n), path)
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, text)
      }
    }
    const complaints = await typeCheck(folder)
    return await Promise.all(
      CASES.map(async (one, n) => {
        const output = one.by === 'tsc' ? complaints.get(String(n)) : await check(join(folder, String(n)))
        return judge(one, output ?? '')
      }),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function judge({ by, what, says }: Case, output: string): Crossing {
  const place = by === 'tsc' ? `modules/shop/index.ts(${LINE},` : `modules/shop/index.ts:${LINE} `
  const line = output.split('\n').find((text) => text.includes(place)) ?? output.trim()
  if (!says) return { by, what, result: line || 'passes', held: line === '' }
  return { by, what, result: line || 'PASSES', held: line.includes(place) && says.test(output) }
}

/** All cases in one run; what it says, by folder. Faults elsewhere are the business of the repository's own type check. */
async function typeCheck(folder: string): Promise<Map<string, string>> {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const config = {
    extends: join(root, 'tsconfig.json'),
    include: ['**/*.ts'],
    exclude: [],
    compilerOptions: { typeRoots: [join(root, 'node_modules/@types')] },
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { output } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], root)
  const said = new Map<string, string>()
  for (const line of output.split(/\n(?=\S)/)) {
    const [n, ...path] = relative(relative(root, folder), line).split('/')
    if (n && /^\d+$/.test(n)) said.set(n, `${said.get(n) ?? ''}${path.join('/')}\n`)
  }
  return said
}

/** The problems that `tenfold check` lists. */
async function check(folder: string): Promise<string> {
  const cli = fileURLToPath(new URL('../../packages/tenfold/bin/tenfold.js', import.meta.url))
  const { output, code } = await run(process.execPath, [cli, 'check', '--json'], folder)
  const { problems } = JSON.parse(output) as { problems: string[] }
  if (code === 0 && problems.length > 0) return `status 0, although: ${problems.join('; ')}`
  return problems.join('\n')
}

function run(file: string, args: string[], cwd: string): Promise<{ output: string; code: number }> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd, env: { PATH: process.env.PATH } }, (error, stdout, stderr) =>
      resolve({ output: stdout || stderr, code: error ? 1 : 0 }),
    )
  })
}
