/** The first gate: squawk, an optional peer. A static program that reads SQL and knows Postgres' locks well. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import type { MigrationFile } from '../migrations/files.ts'
import { withStandIns } from './parse.ts'
import type { Finding } from './safety.ts'

/** What the runner does itself, what does not concern us, and what our own rules say with phases in mind. */
const LEFT_OUT = [
  'require-lock-timeout', // the runner sets it
  'require-statement-timeout',
  'prefer-robust-stmts', // each file is one transaction, or is cleaned up
  'prefer-text-field',
  'prefer-identity',
  'prefer-bigint-over-int', // fine for what is not a key
  'prefer-bigint-over-smallint',
  'prefer-timestamp-tz',
  'ban-drop-column', // a question of the phase
  'ban-drop-table',
  'ban-drop-not-null',
  'constraint-missing-not-valid', // knows nothing of tables made in the same file by another name
  'require-enum-value-ordering',
  // Our rules know the tables, and so tell the harmless ones apart: a longer varchar, a check validated before, a virtual
  // column, a table of the same file.
  'changing-column-type',
  'adding-not-nullable-field',
  'adding-field-with-default',
  'adding-required-field',
]

interface Reported {
  line: number
  rule_name: string
  message: string
  help: string | null
}

/** Undefined when squawk is not installed. */
export function findSquawk(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve('squawk-cli/package.json')
    const { platform, arch } = process
    const program = platform === 'win32' ? 'squawk.exe' : 'squawk'
    return createRequire(manifest).resolve(`@squawk-cli/${platform}-${arch}/bin/${program}`)
  } catch {
    return undefined
  }
}

/** Runs squawk over one file. */
export async function askSquawk(program: string, file: MigrationFile): Promise<Finding[]> {
  const args = [
    ...['--reporter', 'json', '--pg-version', '18', '--stdin-filepath', `${file.name}.sql`],
    ...LEFT_OUT.flatMap((rule) => ['--exclude', rule]),
    ...(file.transactional ? ['--assume-in-transaction'] : []),
  ]
  const output = await run(program, args, withStandIns(file.sql))
  return (JSON.parse(output) as Reported[]).map(({ line, rule_name, message, help }) => ({
    code: `squawk/${rule_name}`,
    level: 'error',
    gate: 'squawk',
    migration: `${file.module}/${file.name}`,
    file: file.file,
    line: line + 1,
    details: { schema: file.schema, type: message, name: help ? `-- ${help.replaceAll('\n', '\n-- ')}` : '' },
  }))
}

async function run(program: string, args: string[], input: string): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data: Buffer) => void (stdout += String(data)))
  child.stderr.on('data', (data: Buffer) => void (stderr += String(data)))
  child.stdin.on('error', () => {}) // its end says why
  child.stdin.end(input)
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  if (!stdout.trimStart().startsWith('[')) throw new Error(`squawk ended without a report: ${stderr.slice(0, 500)}`)
  return stdout
}
