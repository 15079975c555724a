import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type Compilable,
} from 'kysely'
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres'
import { createPlainReads, isPlainRead } from './plain.ts'

interface Tables {
  person: { id: number; name: string; boss: number | null; born: Date; data: { kind: string } }
  pet: { id: number; owner: number; kind: string }
}

const db = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})
const people = db.selectFrom('person')

const plain: Record<string, Compilable> = {
  'a table': people.selectAll(),
  'conditions with values that look like anything': people
    .selectAll()
    .where('name', 'in', ['for update', 'nextval(1)'])
    .where('data', '=', { kind: 'InsertQueryNode' } as never)
    .where('born', '<', new Date()),
  'joins, groups, order and limits': people
    .innerJoin('pet', 'pet.owner', 'person.id')
    .leftJoin('person as boss', (join) => join.onRef('boss.id', '=', 'person.boss').onTrue())
    .select(({ fn }) => [
      'person.name',
      fn.count('pet.id').distinct().as('pets'),
      fn.coalesce('boss.name', 'person.name').as('top'),
    ])
    .groupBy(['person.name', 'boss.name'])
    .having(({ fn }) => fn.countAll(), '>', 1)
    .orderBy('pets', (order) => order.desc().nullsLast())
    .limit(10)
    .offset(5),
  'distinct, a case, a cast': people
    .distinct()
    .select(({ eb, cast }) => [
      eb.case().when('boss', 'is', null).then('top').else('other').end().as('level'),
      cast<string>('id', 'text').as('id'),
    ]),
  'a window': people.select(({ fn }) =>
    fn
      .agg<number>('row_number')
      .over((over) => over.partitionBy('boss').orderBy('id', 'desc'))
      .as('n'),
  ),
  'subqueries, with, union': db
    .with('bosses', (q) => q.selectFrom('person').select('boss as id'))
    .selectFrom('bosses')
    .select('id')
    .where(({ exists, selectFrom }) =>
      exists(selectFrom('pet').select('pet.id').whereRef('pet.owner', '=', 'bosses.id')),
    )
    .union(people.select('id')),
  'nested rows by the helpers of the query builder': people.select((eb) => [
    'id',
    jsonArrayFrom(eb.selectFrom('pet').selectAll().whereRef('pet.owner', '=', 'person.id').orderBy('pet.id')).as(
      'pets',
    ),
    jsonObjectFrom(eb.selectFrom('person as boss').select('boss.name').whereRef('boss.id', '=', 'person.boss')).as(
      'boss',
    ),
  ]),
  'names through sql.ref': people.select(sql.ref<string>('name').as('name')),
}

const other: Record<string, Compilable> = {
  'for update': people.selectAll().forUpdate(),
  'for share in a subquery': people.selectAll().where('id', 'in', people.select('id').forShare()),
  'skip locked': people.selectAll().forNoKeyUpdate().skipLocked(),
  'an insert': db.insertInto('pet').values({ id: 1, owner: 1, kind: 'cat' }),
  'an update that returns': db.updateTable('pet').set({ kind: 'dog' }).returningAll(),
  'a delete': db.deleteFrom('pet'),
  'a with that deletes': db.with('gone', (q) => q.deleteFrom('pet').returningAll()).selectFrom('gone').selectAll(),
  'a with that deletes, further in': people
    .selectAll()
    .where('id', 'in', db.with('gone', (q) => q.deleteFrom('pet').returning('owner')).selectFrom('gone').select('owner')),
  nextval: people.select(({ fn }) => fn<number>('nextval', [sql.lit('x')]).as('n')),
  'an advisory lock': people.select(({ fn }) => fn<number>('pg_advisory_lock', ['id']).as('n')),
  'a function that we do not know': people.select(({ fn }) => fn<number>('charge', ['id']).as('n')),
  'an unknown function in a condition': people.selectAll().where(({ fn }) => fn('charge', ['id']), '=', 1),
  'raw text in a selection': people.select(sql<number>`count(*)`.as('n')),
  'raw text at the end': people.selectAll().modifyEnd(sql`for update`),
  'raw text in front': people.selectAll().modifyFront(sql`distinct`),
  'raw text as a condition': people.selectAll().where(sql<boolean>`now() > born`),
  'a raw query': sql`select 1` as unknown as Compilable,
  explain: { compile: () => sql`explain select 1`.compile(db) } as Compilable,
} // prettier-ignore

for (const [what, query] of Object.entries(plain)) {
  test(`a plain read: ${what}`, () => assert.equal(isPlainRead(treeOf(query)), true))
}

for (const [what, query] of Object.entries(other)) {
  test(`not provably one: ${what}`, () => assert.equal(isPlainRead(treeOf(query)), false))
}

test('what was judged once is remembered, for as many queries as there are', () => {
  const judge = createPlainReads()
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 3000; n++) {
      const query = people.select(sql.ref(`c${n}`).as('c'))
      assert.equal(judge(n % 2 === 0 ? query.compile() : query.forUpdate().compile()), n % 2 === 0)
    }
  }
})

function treeOf(query: Compilable) {
  return (query as { compile(executor: unknown): ReturnType<Compilable['compile']> }).compile(db).query
}
