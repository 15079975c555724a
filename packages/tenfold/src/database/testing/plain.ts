/** A database as an existing app has one: its user owns it, and may make no roles and no databases. */
import pg from 'pg'
import { randomHex } from '../../kernel/index.ts'
import { createDatabase, databaseUrl, dropDatabase, type TestServer } from './server.ts'

export interface PlainDatabase {
  url: string
  /** Of an administrator. */
  adminUrl: string
  close(): Promise<void>
}

export async function createPlainDatabase(server: TestServer): Promise<PlainDatabase> {
  const name = `test_plain_${randomHex(6)}`
  await createDatabase(server, name)
  await administer(server.adminUrl, [
    `create role ${name} login password 'plain'`,
    `grant ${name} to current_user`,
    `alter database ${name} owner to ${name}`,
  ])
  const url = new URL(databaseUrl(server.adminUrl, name))
  url.username = name
  url.password = 'plain'
  return {
    url: url.href,
    adminUrl: databaseUrl(server.adminUrl, name),
    async close() {
      await dropDatabase(server, name)
      await administer(server.adminUrl, [`drop role ${name}`])
    },
  }
}

async function administer(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
