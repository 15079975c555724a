/** Everything that the code of one module could try in order to get at another one, or at the platform. The module is `shop`;
 *  the other one is `vault`, whose table `secret` has one row.
 *
 *  Each attempt is made twice: as the module, and as the administrator. What fails for the administrator, too, would be a
 *  statement that is simply wrong, and its refusal would prove nothing. */
export interface Bypass {
  /** What the module does. */
  what: string
  /** Run one after the other, in one transaction that is rolled back. */
  sql: string[]
  /** `denied`: Postgres refuses, for want of a right. `empty`: it runs, and the last statement finds nothing. */
  expect: 'denied' | 'empty'
  /** SQLSTATE of the refusal. Defaults to 42501, insufficient privilege. */
  code?: string
  /** Why the administrator's attempt proves nothing here. */
  noControl?: string
}

const OTHER_DATABASE = 'needs a program or a file that the test server does not have to have'

export const BYPASSES: Bypass[] = [
  { what: 'reads a table of the other', sql: ['select * from vault.secret'], expect: 'denied' },
  { what: 'joins it', sql: ['select * from shop.item join vault.secret on true'], expect: 'denied' },
  {
    what: 'reads it in a subquery of a write',
    sql: ['update shop.item set name = (select word from vault.secret limit 1)'],
    expect: 'denied',
  },
  { what: 'inserts into it', sql: ["insert into vault.secret values (200, 'y')"], expect: 'denied' },
  { what: 'updates it', sql: ["update vault.secret set word = 'y'"], expect: 'denied' },
  { what: 'deletes from it', sql: ['delete from vault.secret'], expect: 'denied' },
  {
    what: 'merges into it',
    sql: ['merge into vault.secret s using shop.item i on s.id = i.id when matched then delete'],
    expect: 'denied',
  },
  { what: 'truncates it', sql: ['truncate vault.secret'], expect: 'denied' },
  { what: 'truncates its own table, past the rules of its rows', sql: ['truncate shop.item'], expect: 'denied' },
  { what: 'locks it', sql: ['lock table vault.secret'], expect: 'denied' },
  { what: 'explains a query on it', sql: ['explain select * from vault.secret'], expect: 'denied' },
  { what: 'opens a cursor on it', sql: ['declare c cursor for select * from vault.secret'], expect: 'denied' },
  {
    what: 'prepares a statement on it',
    sql: ['prepare p as select * from vault.secret', 'execute p', 'deallocate p'],
    expect: 'denied',
  },
  {
    what: 'has a text turned into a query (query_to_xml)',
    sql: ["select query_to_xml('select * from vault.secret', true, true, '')"],
    expect: 'denied',
  },
  {
    what: 'reads it in a block of PL/pgSQL',
    sql: ['do $$ begin perform * from vault.secret; end $$'],
    expect: 'denied',
  },
  {
    what: 'puts its schema on the search_path',
    sql: ['set local search_path = vault', 'select * from secret'],
    expect: 'denied',
    code: '42P01', // names in a schema that one may not use are not even found
  },
  { what: 'copies it out', sql: ['copy vault.secret to stdout'], expect: 'denied', noControl: 'needs a COPY stream' },
  { what: 'asks for the next number of its sequence', sql: ["select nextval('vault.number')"], expect: 'denied' },
  { what: 'reads its sequence', sql: ['select last_value from vault.number'], expect: 'denied' },
  { what: 'calls a function of it', sql: ['select vault.tell()'], expect: 'denied' },
  { what: 'reads a view of it', sql: ['select * from vault.secrets'], expect: 'denied' },
  {
    what: 'makes a view over it',
    sql: ['create temp view peek as select * from vault.secret', 'select * from peek'],
    expect: 'denied',
  },
  {
    what: 'makes a function of its own that reads it',
    sql: [
      "create function pg_temp.peek() returns text language plpgsql as 'begin return (select word from vault.secret limit 1); end'",
      'select pg_temp.peek()',
    ],
    expect: 'denied',
  },
  {
    what: 'makes a SECURITY DEFINER function that reads it',
    sql: [
      "create function pg_temp.peek() returns text language plpgsql security definer as 'begin return (select word from vault.secret limit 1); end'",
      'select pg_temp.peek()',
    ],
    expect: 'denied',
  },
  {
    what: 'calls the SECURITY DEFINER function of its own schema that reads it',
    sql: ['select shop.peek()'],
    expect: 'denied',
    noControl: 'it runs as its owner, whoever calls it',
  },
  {
    what: 'makes a foreign key to it',
    sql: ['alter table shop.item add foreign key (id) references vault.secret'],
    expect: 'denied',
  },
  {
    what: 'makes a foreign key to it from a temporary table',
    sql: ['create temp table spy (id int references vault.secret)'],
    expect: 'denied',
    noControl: 'constraints on temporary tables may only reference temporary tables',
  },
  {
    what: 'inherits from it',
    sql: ['create temp table heir () inherits (vault.secret)'],
    expect: 'denied',
  },
  { what: 'makes a table like it', sql: ['create temp table copy (like vault.secret)'], expect: 'denied' },
  { what: 'makes a table in its schema', sql: ['create table vault.sneaky (id int)'], expect: 'denied' },
  { what: 'makes a table in its own schema', sql: ['create table shop.sneaky (id int)'], expect: 'denied' },
  { what: 'makes a table in public', sql: ['create table public.sneaky (id int)'], expect: 'denied' },
  { what: 'makes a schema', sql: ['create schema sneaky'], expect: 'denied' },
  { what: 'drops its own table', sql: ['drop table shop.item'], expect: 'denied' },
  {
    what: 'gives its own table away',
    sql: [
      'grant select on shop.item to proof_vault',
      "select where has_table_privilege('proof_vault', 'shop.item', 'select')",
    ],
    expect: 'empty',
  },
  {
    what: 'makes a rule on its own table',
    sql: ['create rule r as on insert to shop.item do nothing'],
    expect: 'denied',
  },
  { what: 'becomes the other', sql: ['set role proof_vault'], expect: 'denied' },
  { what: 'becomes the owner of the other', sql: ['set role proof_vault_owner'], expect: 'denied' },
  { what: 'becomes its own owner', sql: ['set role proof_shop_owner'], expect: 'denied' },
  { what: 'becomes the group of the modules', sql: ['set role proof_modules'], expect: 'denied' },
  { what: 'becomes the platform', sql: ['set role proof_tenfold'], expect: 'denied' },
  {
    what: 'changes the user of its session',
    sql: ['set session authorization proof_vault'],
    expect: 'denied',
  },
  {
    what: 'resets its role',
    sql: ['reset role', "select where current_user <> 'proof_shop'"],
    expect: 'empty',
  },
  { what: 'joins the role of the other', sql: ['grant proof_vault to proof_shop'], expect: 'denied' },
  { what: 'makes a role', sql: ['create role sneaky superuser'], expect: 'denied' },
  { what: 'changes the password of the other', sql: ["alter role proof_vault password 'x'"], expect: 'denied' },
  { what: 'lets itself past row security', sql: ['alter role proof_shop bypassrls'], expect: 'denied' },
  { what: 'reads the passwords', sql: ['select rolpassword from pg_authid'], expect: 'denied' },
  {
    what: 'reads what others run (pg_stat_activity)',
    sql: [
      "select query from pg_stat_activity where usename = 'proof_vault' and query <> '<insufficient privilege>' and query <> ''",
    ],
    expect: 'empty',
  },
  {
    what: 'ends the connections of the other',
    sql: ["select pg_terminate_backend(pid) from pg_stat_activity where usename = 'proof_vault'"],
    expect: 'denied',
    noControl: 'would end the connection that the next attempts are about',
  },
  {
    what: "reads the values in the planner's statistics (pg_stats)",
    sql: ["select * from pg_stats where schemaname = 'vault'"],
    expect: 'empty',
  },
  { what: 'reads them in the catalogue', sql: ['select * from pg_statistic'], expect: 'denied' },
  { what: 'reads a large object of the other', sql: ['select lo_get(4711)'], expect: 'denied' },
  { what: 'reads all large objects', sql: ['select * from pg_largeobject'], expect: 'denied' },
  {
    what: 'finds its tables in the information_schema',
    sql: ["select * from information_schema.tables where table_schema = 'vault'"],
    expect: 'empty',
  },
  { what: 'reads a file of the server', sql: ["select pg_read_file('PG_VERSION')"], expect: 'denied' },
  { what: 'lists the files of the server', sql: ["select pg_ls_dir('.')"], expect: 'denied' },
  { what: 'imports a file as a large object', sql: ["select lo_import('PG_VERSION')"], expect: 'denied' },
  {
    what: 'copies from a file',
    sql: ["copy shop.item from 'PG_VERSION'"],
    expect: 'denied',
    noControl: OTHER_DATABASE,
  },
  { what: 'runs a program', sql: ["copy shop.item to program 'true'"], expect: 'denied', noControl: OTHER_DATABASE },
  {
    what: 'connects to a database from within (postgres_fdw)',
    sql: ['create extension postgres_fdw'],
    expect: 'denied',
    noControl: OTHER_DATABASE,
  },
  {
    what: 'connects to a database from within (dblink)',
    sql: ['create extension dblink'],
    expect: 'denied',
    noControl: OTHER_DATABASE,
  },
  { what: 'loads a library', sql: ["load 'auto_explain'"], expect: 'denied', noControl: OTHER_DATABASE },
  { what: 'changes a setting of the server', sql: ['set local session_replication_role = replica'], expect: 'denied' },
  { what: "reads the platform's jobs", sql: ['select * from tenfold.job'], expect: 'denied' },
  { what: "deletes the platform's jobs", sql: ['delete from tenfold.job'], expect: 'denied' },
  {
    what: 'writes a job past the function for it',
    sql: ['insert into tenfold.job (id) values (1)'],
    expect: 'denied',
    noControl: 'lacks columns',
  },
  { what: "reads the platform's events", sql: ['select * from tenfold.event_outbox'], expect: 'denied' },
  { what: "reads the platform's migrations", sql: ['select * from tenfold.migration'], expect: 'denied' },
  { what: 'draws job numbers', sql: ["select nextval('tenfold.job_seq')"], expect: 'denied' },
  { what: "calls the queue's housekeeping", sql: ['select tenfold.queue_partitions(0)'], expect: 'denied' },
]

/** What a module may do by design, or because Postgres gives it to everyone. Tried too, so that the list stays true. */
export interface Allowed {
  what: string
  sql: string[]
  /** Why that is so, and what it can do at worst. */
  why: string
}

export const ALLOWED: Allowed[] = [
  {
    what: 'reads and writes its own tables',
    sql: ["insert into shop.item values (9, 'x')", 'select * from shop.item'],
    why: 'they are its own',
  },
  {
    what: 'enqueues in its own transaction',
    sql: [`select tenfold.enqueue('[{"name":"shop.x","attempts":1,"timeout":0,"backoff":1,"backoffMax":1}]')`],
    why: 'the one way into the queue; a job exists if and only if the transaction commits',
  },
  {
    what: 'publishes in its own transaction',
    sql: [`select tenfold.publish('[{"name":"shop.happened"}]')`],
    why: 'the one way into the outbox',
  },
  {
    what: 'listens and notifies',
    sql: ["select pg_notify('any', 'x')"],
    why: 'Postgres has no right for it; a message is only ever a hint to look earlier',
  },
  {
    what: 'takes an advisory lock',
    sql: ['select pg_advisory_xact_lock(1)'],
    why: 'Postgres has no right for it; it could slow others down, not read them',
  },
  { what: 'makes a temporary table', sql: ['create temp table t (id int)'], why: 'it ends with the connection' },
  { what: 'makes a large object of its own', sql: ['select lo_create(0)'], why: 'only its maker may read it' },
  {
    what: 'lifts its own time limit',
    sql: ['set local statement_timeout = 0'],
    why: 'the limit is a brake for accidents, not a boundary',
  },
  {
    what: 'sees the names of tables in the catalogue',
    sql: [
      "do $$ begin if not exists (select from pg_class where relname = 'secret') then raise 'not seen'; end if; end $$",
    ],
    why: 'names and definitions in pg_catalog are readable for every user of a database; rows are not',
  },
]

/** What a module's own migration files could try: they run as the owner of its schema. */
export const MIGRATIONS: Record<string, string> = {
  'a foreign key to the other': 'create table a (id int references vault.secret)',
  'a view over the other': 'create view a as select * from vault.secret',
  'a function whose body reads the other':
    'create function a() returns text language sql begin atomic; select word from vault.secret; end',
  'a trigger on a table of the other':
    "create function a() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on vault.secret for each row execute function a()",
  'a table in the schema of the other': 'create table vault.sneaky (id int)',
  'a grant to itself on the other': 'grant select on vault.secret to proof_shop',
  'a change of a table of the platform': 'alter table tenfold.job add column sneaky int',
  'becoming the owner of the other': 'set local role proof_vault_owner; create table vault.sneaky_0 (id int)',
  'going back to the administrator': 'reset role; create table vault.sneaky_1 (id int)',
  'the session of another user': 'set session authorization proof_vault_owner; create table vault.sneaky_2 (id int)',
  'the end of the transaction, and with it of the role': 'commit; create table vault.sneaky_3 (id int)',
}
