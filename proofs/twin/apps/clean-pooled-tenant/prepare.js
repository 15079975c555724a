import pg from 'pg'

const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
await client.connect()
for (const tenant of ['a', 'b']) {
  await client.query(`create schema tenant_${tenant}`)
  await client.query(`create table tenant_${tenant}.shop as select 'shop of ${tenant}' as name`)
}
await client.end()
