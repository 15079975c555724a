/** The only place with sentences about migrations: why each finding matters, and the safe way as SQL.
 *  Lines beginning with `-- file` say which migration file a statement belongs to. */
import type { Details, Finding } from './safety.ts'

interface Words {
  level: 'error' | 'warning'
  why(details: Required<Named>): string
  safe(details: Required<Named>): string
}

interface Named {
  schema: string
  table: string
  column: string
  name: string
  type: string
  to: string
}

const KEEP_OLD =
  'The code that runs now still uses the old name, and both versions run side by side during every deploy.'

export const WORDS = {
  truncate: {
    level: 'error',
    why: (d) =>
      `TRUNCATE locks ${d.table} against readers, takes every row, and the code that runs now still reads them.`,
    safe: (d) => `-- file 1, --! phase: backfill, --! table: ${d.table}\ndelete from ${d.table} where :batch;`,
  },
  'unbatched-update': {
    level: 'error',
    why: (d) => `One UPDATE over ${d.table} keeps every row that it touches locked until all are done.`,
    safe: (d) =>
      `-- a file of its own, --! phase: backfill, --! table: ${d.table}\nupdate ${d.table} set … where … and :batch;`,
  },
  'unbatched-delete': {
    level: 'error',
    why: (d) => `One DELETE over ${d.table} keeps every row that it touches locked until all are gone.`,
    safe: (d) =>
      `-- a file of its own, --! phase: backfill, --! table: ${d.table}\ndelete from ${d.table} where … and :batch;`,
  },
  'unbatched-insert': {
    level: 'error',
    why: (d) => `INSERT … SELECT into ${d.table} is one transaction over everything that it reads.`,
    safe: (d) =>
      `-- a file of its own, --! phase: backfill, --! table: <the table that is read>\ninsert into ${d.table} select … where :batch on conflict do nothing;`,
  },
  'data-with-schema': {
    level: 'error',
    why: (d) => `Rows of ${d.table} are written while a lock of ALTER TABLE is held: everybody waits for the last row.`,
    safe: (d) =>
      `-- file 1, --! phase: expand: the change of the schema\n-- file 2, --! phase: backfill, --! table: ${d.table}\nupdate ${d.table} set … where … and :batch;`,
  },
  'backfill-form': {
    level: 'error',
    why: () =>
      'A backfill is one UPDATE, DELETE or INSERT … SELECT with `:batch` in its WHERE, so that it runs in pieces and can go on after a crash.',
    safe: () => '--! phase: backfill\n--! table: <table>\nupdate <table> set … where … and :batch;',
  },
  'vacuum-full': {
    level: 'error',
    why: (d) => `VACUUM FULL writes ${d.table} anew and locks out readers meanwhile.`,
    safe: (d) => `-- outside of migrations; autovacuum does the rest\nvacuum (analyze) ${d.table};`,
  },
  cluster: {
    level: 'error',
    why: (d) => `CLUSTER writes ${d.table} anew and locks out readers meanwhile.`,
    safe: (d) => `create index concurrently ${d.table}_by_… on ${d.table} (…) include (…);`,
  },
  'lock-table': {
    level: 'error',
    why: (d) => `LOCK TABLE holds up everybody who uses ${d.table} until the file is done.`,
    safe: (d) =>
      `-- lock the rows that matter, in the code, for as long as one small transaction\nselect … from ${d.table} where … for update;`,
  },
  'refresh-not-concurrent': {
    level: 'error',
    why: (d) => `REFRESH locks readers of ${d.name} out until it is done.`,
    safe: (d) => `-- needs a unique index on the view\nrefresh materialized view concurrently ${d.name};`,
  },
  'create-trigger': {
    level: 'error',
    why: (d) =>
      `${d.name} would change what the running code's writes to ${d.table} do, unseen by it, and locks writers out while it is made.`,
    safe: (d) => `-- do it in the code, in the transaction of the write\nupdate ${d.table} set … where …;`,
  },
  'index-not-concurrent': {
    level: 'error',
    why: (d) => `CREATE INDEX locks writers of ${d.table} out until the index is built.`,
    safe: (d) => `-- a file of its own, --! transaction: none\ncreate index concurrently ${d.name} on ${d.table} (…);`,
  },
  'drop-index-not-concurrent': {
    level: 'error',
    why: (d) => `DROP INDEX ${d.name} waits for all who read its table, and everybody behind it waits too.`,
    safe: (d) => `-- a file of its own, --! transaction: none\ndrop index concurrently ${d.name};`,
  },
  'reindex-not-concurrent': {
    level: 'error',
    why: (d) => `REINDEX locks writers out of ${d.name} until it is built anew.`,
    safe: (d) => `-- a file of its own, --! transaction: none\nreindex index concurrently ${d.name};`,
  },
  'concurrent-in-transaction': {
    level: 'error',
    why: (d) => `Postgres does not do this to ${d.name} CONCURRENTLY inside a transaction.`,
    safe: (d) => `--! phase: expand\n--! transaction: none\ncreate index concurrently ${d.name} on …;`,
  },
  'set-not-null': {
    level: 'error',
    why: (d) =>
      `SET NOT NULL reads all of ${d.table} while it locks everybody out, unless a validated check has said it before.`,
    safe: (d) =>
      `-- file 1\nalter table ${d.table} add constraint ${d.table}_${d.column}_set check (${d.column} is not null) not valid;\n` +
      `-- file 2\nalter table ${d.table} validate constraint ${d.table}_${d.column}_set;\n` +
      `-- file 3\nalter table ${d.table} alter column ${d.column} set not null, drop constraint ${d.table}_${d.column}_set;`,
  },
  'required-column': {
    level: 'error',
    why: (d) => `The code that runs now inserts into ${d.table} without ${d.column}: each of its inserts would fail.`,
    safe: (d) =>
      `alter table ${d.table} add column ${d.column} ${d.type} not null default …;\n-- or nullable, and required later`,
  },
  'volatile-default': {
    level: 'error',
    why: (d) =>
      `The default of ${d.column} differs from row to row, so all of ${d.table} is written anew while nobody can read it.`,
    safe: (d) =>
      `-- file 1\nalter table ${d.table} add column ${d.column} ${d.type};\nalter table ${d.table} alter column ${d.column} set default …;\n` +
      `-- file 2, --! phase: backfill, --! table: ${d.table}\nupdate ${d.table} set ${d.column} = default where ${d.column} is null and :batch;`,
  },
  'stored-generated': {
    level: 'error',
    why: (d) => `A stored generated column writes all of ${d.table} anew while nobody can read it.`,
    safe: (d) =>
      `alter table ${d.table} add column ${d.column} ${d.type} generated always as (…) virtual;\n-- or index the expression\ncreate index concurrently ${d.table}_${d.column} on ${d.table} ((…));`,
  },
  identity: {
    level: 'error',
    why: (d) => `Numbering ${d.column} writes all of ${d.table} anew while nobody can read it.`,
    safe: (d) =>
      `-- file 1\ncreate sequence ${d.table}_${d.column}_seq;\nalter table ${d.table} add column ${d.column} bigint;\n` +
      `alter table ${d.table} alter column ${d.column} set default nextval('${d.table}_${d.column}_seq');\n` +
      `-- file 2, --! phase: backfill, --! table: ${d.table}\nupdate ${d.table} set ${d.column} = default where ${d.column} is null and :batch;`,
  },
  'type-rewrite': {
    level: 'error',
    why: (d) =>
      `Another type for ${d.column} writes all of ${d.table} anew while nobody can read it, and the code that runs now expects the old one.`,
    safe: (d) =>
      `-- file 1, --! phase: expand\nalter table ${d.table} add column ${d.column}_new ${d.type};\n` +
      `-- the code writes both; file 2, --! phase: backfill, --! table: ${d.table}\nupdate ${d.table} set ${d.column}_new = ${d.column} where ${d.column}_new is null and :batch;\n` +
      `-- the code reads the new one; file 3, --! phase: contract\nalter table ${d.table} drop column ${d.column};`,
  },
  'table-rewrite': {
    level: 'error',
    why: (d) => `This writes all of ${d.table} anew while nobody can read it.`,
    safe: (d) =>
      `-- a new table beside it, filled in batches: --! phase: backfill, --! table: ${d.table}\ninsert into ${d.table}_new select … from ${d.table} where :batch on conflict do nothing;`,
  },
  'row-security': {
    level: 'error',
    why: (d) =>
      `From then on the code that runs now sees no row of ${d.table} that no policy lets through, without an error.`,
    safe: (d) =>
      `-- file 1: a policy that lets everything through, which changes nothing yet\ncreate policy everything on ${d.table} using (true);\n-- then, allowed by name: --! allow: row-security the policy above keeps all rows visible\nalter table ${d.table} enable row level security;`,
  },
  'attach-partition': {
    level: 'error',
    why: (d) =>
      `ATTACH PARTITION reads the new part while ${d.table} is locked, unless a validated check says already what it holds.`,
    safe: (d) =>
      `-- file 1 and 2: alter table <part> add constraint … check (…) not valid; then validate constraint …\n-- file 3, --! allow: attach-partition a validated check says what is in it\nalter table ${d.table} attach partition <part> for values …;`,
  },
  'detach-partition': {
    level: 'error',
    why: (d) => `DETACH PARTITION locks everybody out of ${d.table}.`,
    safe: (d) =>
      `-- a file of its own, --! transaction: none\nalter table ${d.table} detach partition <part> concurrently;`,
  },
  'check-validated': {
    level: 'error',
    why: (d) => `The constraint reads all of ${d.table} while it locks everybody out.`,
    safe: (d) =>
      `-- file 1\nalter table ${d.table} add constraint ${d.name} check (…) not valid;\n-- file 2\nalter table ${d.table} validate constraint ${d.name};`,
  },
  'foreign-key-validated': {
    level: 'error',
    why: (d) => `The foreign key reads all of ${d.table} while it locks writers out of ${d.table} and of ${d.to}.`,
    safe: (d) =>
      `-- file 1\nalter table ${d.table} add constraint ${d.table}_${d.column}_fkey foreign key (${d.column}) references ${d.to} not valid;\n` +
      `-- file 2\nalter table ${d.table} validate constraint ${d.table}_${d.column}_fkey;`,
  },
  'validated-at-once': {
    level: 'error',
    why: (d) =>
      `Validating ${d.name} in the transaction that made it reads all of ${d.table} under the lock that NOT VALID was to avoid.`,
    safe: (d) => `-- the next file\nalter table ${d.table} validate constraint ${d.name};`,
  },
  'unique-without-index': {
    level: 'error',
    why: (d) => `The constraint builds its index while it locks everybody out of ${d.table}.`,
    safe: (d) =>
      `-- file 1, --! transaction: none\ncreate unique index concurrently ${d.table}_${d.column}_key on ${d.table} (${d.column});\n` +
      `-- file 2\nalter table ${d.table} add constraint ${d.table}_${d.column}_key unique using index ${d.table}_${d.column}_key;`,
  },
  exclusion: {
    level: 'error',
    why: (d) =>
      `An exclusion constraint cannot be added without locking everybody out of ${d.table} while its index is built.`,
    safe: (d) =>
      `-- a new table that has it from the start, filled in batches: --! phase: backfill, --! table: ${d.table}\ninsert into ${d.table}_new select … from ${d.table} where :batch on conflict do nothing;`,
  },
  'several-locks': {
    level: 'error',
    why: (d) =>
      `The file locks ${d.table} while it holds ${d.name}: readers of both wait, and with code that takes them the other way round it deadlocks.`,
    safe: (d) => `-- file 1\nalter table ${d.name} …;\n-- file 2\nalter table ${d.table} …;`,
  },
  'enum-value-used': {
    level: 'error',
    why: (d) => `Postgres cannot use the value '${d.name}' in the transaction that adds it.`,
    safe: (d) => `-- file 1\nalter type … add value '${d.name}';\n-- file 2: whatever uses it`,
  },
  'drop-table': {
    level: 'error',
    why: (d) => `The code that runs now may still use ${d.table}.`,
    safe: (d) => `-- first release the code that does without it; then, --! phase: contract\ndrop table ${d.table};`,
  },
  'drop-column': {
    level: 'error',
    why: (d) => `The code that runs now may still read or write ${d.table}.${d.column}.`,
    safe: (d) =>
      `-- first release the code that does without it; then, --! phase: contract\nalter table ${d.table} drop column ${d.column};`,
  },
  'drop-default': {
    level: 'error',
    why: (d) => `The code that runs now may insert into ${d.table} without ${d.column}.`,
    safe: (d) =>
      `-- first release the code that writes it; then, --! phase: contract\nalter table ${d.table} alter column ${d.column} drop default;`,
  },
  'drop-object': {
    level: 'error',
    why: (d) => `The code that runs now may still use the ${d.type} ${d.name}.`,
    safe: (d) => `-- first release the code that does without it; then, --! phase: contract\ndrop ${d.type} ${d.name};`,
  },
  'drop-cascade': {
    level: 'error',
    why: (d) => `CASCADE takes everything that hangs on ${d.name}, whatever that is on the day.`,
    safe: (d) => `-- --! phase: contract; name each thing, in order\ndrop view …;\ndrop table ${d.name};`,
  },
  'rename-column': {
    level: 'error',
    why: () => KEEP_OLD,
    safe: (d) =>
      `-- file 1, --! phase: expand\nalter table ${d.table} add column ${d.name} …;\n-- the code writes both; file 2, --! phase: backfill, --! table: ${d.table}\n` +
      `update ${d.table} set ${d.name} = ${d.column} where ${d.name} is null and :batch;\n-- the code reads the new one; file 3, --! phase: contract\nalter table ${d.table} drop column ${d.column};`,
  },
  'rename-table': {
    level: 'error',
    why: () => KEEP_OLD,
    safe: (d) =>
      `-- --! phase: expand: the new name is a view, until no code uses the old one\ncreate view ${d.name} as select * from ${d.table};`,
  },
  'rename-object': {
    level: 'error',
    why: () => KEEP_OLD,
    safe: (d) =>
      `-- --! phase: expand: make the new ${d.type} beside ${d.name}\n-- --! phase: contract, when no code uses it: drop the old one`,
  },
  'other-module': {
    level: 'error',
    why: (d) => `Schema ${d.name} belongs to somebody else: the two could never be changed or moved apart.`,
    safe: (d) =>
      `-- keep the id, without a foreign key, and ask ${d.name} through its contract\nalter table … add column ${d.name}_id uuid;`,
  },
  'foreign-grant': {
    level: 'error',
    why: (d) => `The right for ${d.name} opens the boundary of the module; its own role has all it needs by default.`,
    safe: (d) =>
      `-- nothing: the role of ${d.schema} may use every new table of its schema\nrevoke all on … from ${d.name};`,
  },
  'role-change': {
    level: 'error',
    why: (d) => `With '${d.name}' the file would act as somebody else than the owner of its module.`,
    safe: (d) => `-- leave it out: migrations of ${d.schema} run as its owner, in its schema\nselect current_user;`,
  },
  'definer-without-path': {
    level: 'error',
    why: (d) =>
      `${d.name} runs with the rights of its owner, and finds its tables wherever the caller's search_path leads.`,
    safe: (d) =>
      `create function ${d.name}(…) … security definer set search_path = pg_catalog, ${d.schema}, pg_temp as …;`,
  },
  'transaction-control': {
    level: 'error',
    why: () =>
      'The runner makes the transaction: after a COMMIT of its own a file that fails half-way stays half-applied.',
    safe: () => '-- two files, each of which is one transaction',
  },
  'session-setting': {
    level: 'error',
    why: (d) =>
      `The runner sets lock_timeout and search_path; '${d.name}' would take the brake away, or stay set for the next file.`,
    safe: (d) => `-- leave it out, or set it on the function that needs it\nalter function … set ${d.name} = …;`,
  },
  'outside-module': {
    level: 'error',
    why: (d) =>
      `${d.name} is about the server, not about the tables of ${d.schema}; the owner of a module may not do it.`,
    safe: () => '-- as the administrator, outside of migrations, on each environment',
  },
  'opaque-block': {
    level: 'error',
    why: () => 'What a DO block does cannot be read from the file, so nothing here could be judged.',
    safe: () =>
      '-- plain statements; for rows: --! phase: backfill, --! table: <table>\nupdate <table> set … where … and :batch;',
  },
  'timestamp-without-zone': {
    level: 'warning',
    why: (d) => `${d.column} means another moment wherever the time zone is set otherwise.`,
    safe: (d) => `${d.column} timestamptz`,
  },
  'small-key': {
    level: 'warning',
    why: (d) => `${d.column} ends at 2,147,483,647 rows, and growing it later writes the whole table anew.`,
    safe: (d) => `${d.column} bigint generated always as identity primary key`,
  },
  'padded-char': {
    level: 'warning',
    why: (d) => `${d.column} is padded with blanks, which comparisons forget and concatenation does not.`,
    safe: (d) => `${d.column} text check (length(${d.column}) <= …)`,
  },
} satisfies Record<string, Words>

export type RuleCode = keyof typeof WORDS

/** What replay finds. */
export const REPLAY_WORDS = {
  'replay/apply': {
    level: 'error',
    why: (d) => `The file cannot be applied to the schema as it is: ${d.type}`,
    safe: (d) =>
      `-- correct the statement; what exists and is used can be looked up:\nselect table_name, column_name, data_type from information_schema.columns where table_schema = '${d.schema}';`,
  },
  'replay/fails': {
    level: 'error',
    why: (d) => `The code that runs now sends this statement, and it would fail: ${d.type}.`,
    safe: (d) =>
      `-- --! phase: expand keeps both working; what only the new code needs comes after its release, as --! phase: contract\n-- ${d.name}`,
  },
  'replay/insert': {
    level: 'error',
    why: (d) =>
      `The code that runs now inserts into ${d.table} without ${d.column}, which would be required: ${d.type}.`,
    safe: (d) =>
      `alter table ${d.table} alter column ${d.column} set default …;\n-- required only when the new code runs everywhere`,
  },
  'replay/denied': {
    level: 'error',
    why: (d) => `The role of the module could no longer run a statement that the code sends: ${d.type}.`,
    safe: () => '-- revoke as --! phase: contract, when no code needs it',
  },
  'replay/types': {
    level: 'warning',
    why: (d) => `A statement that the code sends would get or take other types: ${d.type}.`,
    safe: () => '-- look at what the code does with the value',
  },
  'replay/in-use': {
    level: 'error',
    why: (d) => `Release ${d.name} still runs and sends this statement, which would fail: ${d.type}.`,
    safe: () =>
      '-- wait until its last instance has stopped, then apply the file again\nselect instance_id, release from tenfold.telemetry_process where good_until > now();',
  },
} satisfies Record<string, Words>

/** Why a finding matters, and what to do instead, as SQL. */
export function explain({ code, details }: Pick<Finding, 'code' | 'details'>): { why: string; safe: string } {
  const words = (WORDS as Record<string, Words>)[code] ?? (REPLAY_WORDS as Record<string, Words>)[code]
  if (!words) return { why: details.type ?? code, safe: details.name ?? '' }
  const named: Named = { schema: '…', table: '…', column: '…', name: '…', type: '…', to: '…', ...given(details) }
  return { why: words.why(named), safe: words.safe(named) }
}

function given(details: Details): Partial<Named> {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => typeof value === 'string' && value !== ''))
}
