import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { reachDatabase } from './reach.ts'
import {
  createReplica,
  debianPrograms,
  pgbouncerProgram,
  startDebian,
  startPrimary,
  testPooler,
  testServer,
} from './testing/index.ts'

test('a replica, the primary itself, and nobody at the addresses of replicas are told apart', async () => {
  const { adminUrl } = await testServer()
  const replica = await createReplica({ adminUrl })

  const databaseReplicaUrls = [replica.adminUrl, adminUrl, 'postgres://a:b@127.0.0.1:1/c']
  const { problems, unusableReplicas } = await reachDatabase({
    databaseUrl: adminUrl,
    databaseDirectUrl: undefined,
    databaseReplicaUrls,
  })
  assert.equal(problems.length, 2)
  assert.deepEqual(unusableReplicas, [2, 3])
  assert.match(problems[0]!, /number 2 is not a replica/)
  assert.match(problems[1]!, /number 3 cannot be reached/)
  const asPrimary = await reachDatabase({
    databaseUrl: replica.adminUrl,
    databaseDirectUrl: undefined,
    databaseReplicaUrls: [],
  })
  assert.match(asPrimary.problems[0]!, /takes no writes/)

  await replica.close()
})

test('a server of another cluster is told', { skip: !debianPrograms() && 'no other Postgres' }, async (t) => {
  const other = await startDebian()
  t.after(other.close)
  const { adminUrl } = await testServer()
  const databaseReplicaUrls = [other.urlOf('postgres', 'postgres')]
  const { problems } = await reachDatabase({ databaseUrl: adminUrl, databaseDirectUrl: undefined, databaseReplicaUrls })
  assert.match(problems[0]!, /number 1 belongs to another cluster than DATABASE_URL/)
})

test('a server with little room is told, one that is away is no problem', async () => {
  const { adminUrl } = await testServer()
  const none = { databaseDirectUrl: undefined, databaseReplicaUrls: [] }
  assert.deepEqual((await reachDatabase({ databaseUrl: adminUrl, ...none })).warnings, [])
  const { warnings } = await reachDatabase({ databaseUrl: adminUrl, ...none, connections: 200 })
  assert.match(warnings[0]!, /room for 1 processes of 200/)
  const away = await reachDatabase({ databaseUrl: 'postgres://a:b@127.0.0.1:1/c', ...none })
  assert.deepEqual([away.problems.length, away.warnings.length], [0, 1])
})

test('a slot that may fill the disk of the primary is told', async (t) => {
  const primary = await startPrimary()
  const client = new pg.Client({ connectionString: primary.adminUrl })
  t.after(async () => {
    await client.end()
    await primary.close()
  })
  await client.connect()
  await client.query(`select pg_create_physical_replication_slot('of_one_that_is_gone')`)
  const addresses = { databaseUrl: primary.adminUrl, databaseDirectUrl: undefined, databaseReplicaUrls: [] }
  const warned = async (): Promise<boolean> => /max_slot_wal/.test((await reachDatabase(addresses)).warnings.join())
  for (const [limit, expected] of [
    ['-1', true],
    ['1GB', false],
  ] as const) {
    await client.query(`alter system set max_slot_wal_keep_size = '${limit}'`)
    await client.query('select pg_reload_conf()')
    const deadline = Date.now() + 10_000
    while ((await warned()) !== expected) assert.ok(Date.now() < deadline, `with ${limit}`)
  }
})

test('a pooler without a direct address is a problem', { skip: !pgbouncerProgram() && 'no pgbouncer' }, async () => {
  const { adminUrl } = await testServer()
  const databaseUrl = (await testPooler()).urlOf(adminUrl)
  const without = await reachDatabase({ databaseUrl, databaseDirectUrl: undefined, databaseReplicaUrls: [] })
  assert.match(without.problems[0]!, /DATABASE_DIRECT_URL: PgBouncer .* in transaction mode/)
  const { pooler, problems } = await reachDatabase({
    databaseUrl,
    databaseDirectUrl: adminUrl,
    databaseReplicaUrls: [],
  })
  assert.deepEqual([pooler.mode, problems], ['transaction', []])
})
