/** ClickHouse's engine as chDB brings it, behind as much of ClickHouse's HTTP interface as is needed to ask it: statements in the
 *  body or as `query` with data in the body, `param_*` escaped as in TSV, settings, formats, errors. Prints its address.
 *  Arguments: the module that loads peers, a folder for the data, and `twice` for an engine that counts copies of a row. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Session {
  query(sql: string, format?: string): string
  queryBindAsync(sql: string, values: object, options: { format: string }): Promise<{ bytes(): Uint8Array }>
}

const [loader, folder, plant] = process.argv.slice(2)
const { load } = (await import(loader!)) as { load(name: string): Promise<{ Session: new (path?: string) => Session }> }
const { Session } = await load('chdb')
const session = new Session(folder)
session.query('create database if not exists proof')
session.query('use proof')
const settings = new Set<string>()

async function answer(request: IncomingMessage): Promise<Uint8Array> {
  const { searchParams } = new URL(request.url!, 'http://localhost')
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const body = Buffer.concat(parts).toString()
  const values: Record<string, string> = {}
  for (const [name, value] of searchParams) {
    if (name.startsWith('param_')) values[name.slice('param_'.length)] = unescaped(value)
    else if (name !== 'query' && !settings.has(name)) {
      session.query(`set ${name} = ${Number(value)}`)
      settings.add(name)
    }
  }
  const statement = searchParams.get('query')
  const sql = statement === null ? body : `${statement}\n${body}`
  const asked = plant === 'twice' ? sql.replaceAll(' final', '') : sql
  return (await session.queryBindAsync(asked, values, { format: 'TSV' })).bytes()
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => ({ t: '\t', n: '\n', r: '\r', 0: '\0' })[char] ?? char)
}

/** One statement after another: the session is one. */
let last: Promise<unknown> = Promise.resolve()
const server = createServer((request, response) => {
  last = last
    .then(() => answer(request))
    .then(
      (bytes) => response.end(bytes),
      (error: Error) => response.writeHead(500).end(error.message),
    )
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/proof`))
process.on('disconnect', () => process.exit(0))
