import pg from 'pg'

const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
await client.connect()
await client.query('create table reports (id bigint generated always as identity)')
await client.end()
