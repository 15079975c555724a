/** Postgres, with settings that fit its machine, and who may log in from where. */
import type { Facts, Size, Stage } from '../deploy.ts'
import { databaseSize, postgresSettings } from '../sizing.ts'
import { NETWORK } from './places.ts'

export const POSTGRES = 18

export function postgresConf(facts: Facts, stage: Stage, kind: 'primary' | 'replica'): string {
  const size = databaseSize(facts, stage)
  const set = postgresSettings(size, stage >= 3)
  return `# Postgres ${POSTGRES} for ${facts.app}, on ${sizeOf(size)}${stage === 1 ? ', which is half of a machine that it shares with the app' : ''}.
# Goes to /etc/postgresql/${POSTGRES}/main/conf.d/; then: systemctl restart postgresql@${POSTGRES}-main

listen_addresses = '${stage === 1 ? 'localhost' : '*'}'
max_connections = ${set.maxConnections}
password_encryption = scram-sha-256

# Memory: a quarter for itself, the rest for the system's cache and for sorting.
shared_buffers = ${set.sharedBuffers}MB
effective_cache_size = ${set.effectiveCacheSize}MB
work_mem = ${set.workMem}MB
maintenance_work_mem = ${set.maintenanceWorkMem}MB

# Solid-state disks: a random page costs little more than the next one.
random_page_cost = 1.1
effective_io_concurrency = 200

max_worker_processes = ${set.workers}
max_parallel_workers = ${size.cores}
max_parallel_workers_per_gather = ${set.parallelWorkers}
max_parallel_maintenance_workers = ${set.parallelWorkers}

# The log: fewer, longer checkpoints. Backups and replicas read it; a reader that is gone must not fill the disk.
wal_level = replica
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
max_wal_size = ${set.maxWalSize}MB
min_wal_size = ${Math.round(set.maxWalSize / 4)}MB
wal_compression = on
max_wal_senders = 10
max_replication_slots = 10
max_slot_wal_keep_size = ${set.maxWalSize * 4}MB

# Nothing waits for ever. The app sets shorter limits for its own roles.
idle_in_transaction_session_timeout = 5min
tcp_keepalives_idle = 60
tcp_keepalives_interval = 10
tcp_keepalives_count = 3

# To see what it does: statements over 1 s, waits for locks, sorts that did not fit into memory.
shared_preload_libraries = 'pg_stat_statements'
track_io_timing = on
log_min_duration_statement = 1s
log_lock_waits = on
log_temp_files = 32MB
log_checkpoints = on
log_autovacuum_min_duration = 10s
log_timezone = 'UTC'
timezone = 'UTC'

# Dead rows are cleared away before a table has grown by a fifth of them.
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.02
autovacuum_vacuum_cost_limit = 1000
${
  kind === 'replica'
    ? `
# A replica: answers reads while it follows. A read that needs rows which the primary removes is cancelled after 30 s.
hot_standby = on
hot_standby_feedback = on
max_standby_streaming_delay = 30s
`
    : ''
}`
}

/** Who may log in, and from where: the first line that fits decides. */
export function hbaConf(facts: Facts, stage: Stage): string {
  const network =
    stage === 1 ? [] : [`host     ${facts.app}       all                        ${NETWORK}   scram-sha-256`]
  const replication = stage >= 4 ? [`host     replication  ${facts.app}_replication   ${NETWORK}   scram-sha-256`] : []
  return `# Who may log in to the database of ${facts.app}. Goes to /etc/postgresql/${POSTGRES}/main/pg_hba.conf;
# then: systemctl reload postgresql@${POSTGRES}-main
#
# type   database     user                       address        method
local    all          postgres                                  peer
local    all          all                                       scram-sha-256
host     all          all                        127.0.0.1/32   scram-sha-256
host     all          all                        ::1/128        scram-sha-256
# Backups read the whole server, as the role that migrates.
host     replication  ${facts.app}_deploy            127.0.0.1/32   scram-sha-256
${[...network, ...(stage === 1 ? [] : [`host     replication  ${facts.app}_deploy            ${NETWORK}   scram-sha-256`]), ...replication].map((line) => `${line}\n`).join('')}`
}

/** The database and the role that DATABASE_URL names: it migrates, and makes the roles of the modules. */
export function databaseSql(facts: Facts, stage: Stage): string {
  const { app } = facts
  return `-- The database of ${app} and the role that deploys it. Run as postgres: psql --set=password=… --file=database.sql
-- Safe to run again.
select format('create role ${app}_deploy login createrole replication password %L', :'password')
where not exists (select from pg_roles where rolname = '${app}_deploy') \\gexec
select 'create database ${app} owner ${app}_deploy'
where not exists (select from pg_database where datname = '${app}') \\gexec
${
  stage >= 4
    ? `select format('create role ${app}_replication login replication password %L', :'password')
where not exists (select from pg_roles where rolname = '${app}_replication') \\gexec
${Array.from({ length: facts.replicas }, (_, i) => `select pg_create_physical_replication_slot('replica_${i + 1}')\nwhere not exists (select from pg_replication_slots where slot_name = 'replica_${i + 1}');`).join('\n')}
`
    : ''
}\\connect ${app}
create extension if not exists pg_stat_statements;
-- It may let the platform's role read statistics, and see which libraries are loaded.
grant pg_read_all_stats to ${app}_deploy with admin option;
grant pg_read_all_settings to ${app}_deploy;
`
}

function sizeOf({ memory, cores }: Size): string {
  return `${memory} GiB and ${cores} ${cores === 1 ? 'core' : 'cores'}`
}
