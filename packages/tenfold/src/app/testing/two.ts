import { createDatabase, databaseUrl, dropDatabase, testServer } from '../../database/testing/index.ts'
import { randomHex } from '../../kernel/index.ts'
import type { App, Instance } from '../index.ts'

/** Two instances of an app, in this process, on one database of their own. `close` ends what there is of them. */
export async function startTwo(definition: App): Promise<{ instances: Instance[]; close(): Promise<void> }> {
  const server = await testServer()
  const name = `test_two_${randomHex(6)}`
  await createDatabase(server, name)
  const variables = {
    DATABASE_URL: databaseUrl(server.adminUrl, name),
    SECRET_KEY: 'a secret key for tests, and nothing else',
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    PORT: '0',
  }
  const instances = [
    await definition.start({ roles: ['web'], variables, migrate: true }),
    await definition.start({ roles: ['web'], variables }),
  ]
  return {
    instances,
    async close() {
      await Promise.all(instances.map((one) => one.stop()))
      await dropDatabase(server, name)
    },
  }
}
