import type { Facts, Stage } from '../deploy.ts'
import { POSTGRES } from '../machines/postgres.ts'
import { splitModule } from '../names.ts'
import { appMemory, databaseSize, postgresSettings } from '../sizing.ts'

export function composeYaml(facts: Facts, stage: Stage): string {
  const services = [
    migrate(),
    ...apps(facts, stage),
    balancer(facts),
    database(facts, stage),
    ...(stage >= 3 ? [POOLER] : []),
    ...(stage >= 4 ? [replica(facts, stage)] : []),
    ...(stage >= 5 ? [VALKEY] : []),
  ]
  const volumes = [
    'database',
    ...(stage < 3 ? ['files'] : []),
    ...(stage >= 4 ? ['replica'] : []),
    ...(stage >= 5 ? ['valkey'] : []),
  ]
  return `# ${facts.app} at stage ${stage} on one machine: docker compose -f deploy/compose/compose.yaml up --build --detach --wait
# check: docker compose -f deploy/compose/compose.yaml config --quiet
name: ${facts.app.replaceAll('_', '-')}

x-app: &app
  build: ../..
  image: ${facts.app.replaceAll('_', '-')}:latest
  env_file: env
  restart: unless-stopped
  init: true
  read_only: true
  tmpfs: [/tmp]
  cap_drop: [ALL]
  security_opt: ['no-new-privileges:true']
  # Longer than the app takes to let requests and jobs end.
  stop_grace_period: 35s
  logging: &logging
    driver: json-file
    options: { max-size: 50m, max-file: '5' }

services:
${services.join('\n')}
volumes:
${volumes.map((name) => `  ${name}:`).join('\n')}
`
}

function migrate(): string {
  return `  # Once for each release, before the app starts.
  migrate:
    <<: *app
    command: [migrate, up]
    restart: 'no'
    healthcheck: { disable: true }
    depends_on:
      database: { condition: service_healthy }
`
}

function apps(facts: Facts, stage: Stage): string[] {
  const memory = Math.floor(appMemory(facts, stage) / (stage >= 3 ? 2 : 1))
  const others = facts.modules.filter((module) => module !== splitModule(facts)).join(',')
  const only = stage >= 6 && others !== '' ? `, --modules, '${others}'` : ''
  const web = part({
    name: 'app',
    about:
      stage < 3
        ? 'Web, worker and crons together.'
        : `The web part; more of them: docker compose up --detach --scale app=3${facts.balancer === 'haproxy' ? '' : ' && docker compose restart balancer'}`,
    command: stage < 3 ? '[start]' : `[start, --only, web, --processes, '1']`,
    memory,
    cpus: facts.machine.cores,
    serves: true,
    stage,
  })
  if (stage < 3) return [web]
  const worker = part({
    name: 'worker',
    about: 'Jobs and crons.',
    command: `[start, --only, 'worker,cron'${only}]`,
    memory,
    cpus: facts.machine.cores,
    stage,
  })
  if (stage < 6) return [web, worker]
  const module = splitModule(facts)
  return [
    web,
    worker,
    part({
      name: module.replaceAll('_', '-'),
      about: `The module ${module}, by itself.`,
      command: `[start, --modules, '${module}']`,
      memory,
      cpus: facts.machine.cores,
      serves: true,
      stage,
    }),
  ]
}

interface Part {
  name: string
  about: string
  command: string
  /** MiB. */
  memory: number
  cpus: number
  serves?: boolean
  stage: Stage
}

function part({ name, about, command, memory, cpus, serves, stage }: Part): string {
  return `  # ${about}
  ${name}:
    <<: *app
    command: ${command}
    mem_limit: ${memory}m
    cpus: ${cpus}
    pids_limit: 512
${serves ? '' : '    healthcheck: { disable: true }\n'}${stage < 3 ? '    volumes: [files:/var/lib/app/files]\n' : ''}    depends_on:
      migrate: { condition: service_completed_successfully }
${stage >= 3 ? '      pgbouncer: { condition: service_started }\n' : ''}`
}

function database(facts: Facts, stage: Stage): string {
  const size = databaseSize(facts, stage)
  const set = postgresSettings(size, stage >= 3)
  return `  # Postgres; its data is in the volume \`database\`.
  database:
    image: postgres:${POSTGRES}
    restart: unless-stopped
    env_file: env
    command:
      - postgres
      - -cmax_connections=${set.maxConnections}
      - -cshared_buffers=${set.sharedBuffers}MB
      - -ceffective_cache_size=${set.effectiveCacheSize}MB
      - -cwork_mem=${set.workMem}MB
      - -cmaintenance_work_mem=${set.maintenanceWorkMem}MB
      - -cmax_wal_size=${set.maxWalSize}MB
      - -cmax_slot_wal_keep_size=${set.maxWalSize * 4}MB
      - -crandom_page_cost=1.1
      - -cshared_preload_libraries=pg_stat_statements
${stage >= 4 ? '      - -chba_file=/etc/postgresql/pg_hba.conf\n' : ''}    # Sorting in parallel needs shared memory, and the default is 64 MB.
    shm_size: 256m
    mem_limit: ${Math.floor(size.memory * 1024)}m
    stop_grace_period: 60s
    logging: *logging
    volumes:
      - database:/var/lib/postgresql
      - ./initdb.sql:/docker-entrypoint-initdb.d/app.sql:ro
${stage >= 4 ? '      - ./pg_hba.conf:/etc/postgresql/pg_hba.conf:ro\n' : ''}    healthcheck:
      test: [CMD, pg_isready, --username=postgres, --host=127.0.0.1]
      interval: 3s
      timeout: 3s
      retries: 40
`
}

function replica(facts: Facts, stage: Stage): string {
  const set = postgresSettings(databaseSize(facts, stage), true)
  return `  # A read replica: copies the primary when its volume is empty, then follows it.
  replica:
    image: postgres:${POSTGRES}
    restart: unless-stopped
    env_file: env
    user: postgres
    entrypoint: [bash, -euc]
    command:
      - |
        if [ ! -s "$$PGDATA/PG_VERSION" ]; then
          PGPASSWORD="$$POSTGRES_PASSWORD" pg_basebackup --pgdata="$$PGDATA" --host=database \\
            --username=${facts.app}_replication --slot=replica_1 --write-recovery-conf --checkpoint=fast
        fi
        exec postgres -cmax_connections=${set.maxConnections} -cshared_buffers=${set.sharedBuffers}MB -chot_standby_feedback=on
    mem_limit: ${Math.floor(databaseSize(facts, stage).memory * 1024)}m
    logging: *logging
    volumes: [replica:/var/lib/postgresql]
    healthcheck:
      test: [CMD, pg_isready, --username=postgres, --host=127.0.0.1]
      interval: 3s
      timeout: 3s
      retries: 40
    depends_on:
      database: { condition: service_healthy }
`
}

function balancer({ balancer: kind }: Facts): string {
  const own =
    kind === 'haproxy'
      ? {
          about: 'It finds instances that come and go by itself.',
          image: 'haproxy:3.0-alpine',
          tmpfs: '[/tmp]',
          rights: '[NET_BIND_SERVICE]',
          file: './haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro',
        }
      : {
          about: 'It finds the instances when it starts: after scaling, restart it.',
          image: 'nginx:1-alpine',
          tmpfs: '[/var/cache/nginx, /run]',
          rights: '[CHOWN, NET_BIND_SERVICE, SETGID, SETUID]',
          file: './nginx.conf:/etc/nginx/conf.d/default.conf:ro',
        }
  return `  # The only part that is reached from outside. ${own.about}
  balancer:
    image: ${own.image}
    restart: unless-stopped
    read_only: true
    tmpfs: ${own.tmpfs}
    cap_drop: [ALL]
    cap_add: ${own.rights}
    security_opt: ['no-new-privileges:true']
    mem_limit: 128m
    logging: *logging
    ports: ['80:80']
    volumes: ['${own.file}']
    depends_on:
      app: { condition: service_healthy }
`
}

const POOLER = `  # Few server connections for many clients. Its list of users: tenfold deploy userlist > deploy/compose/pgbouncer/userlist.txt
  pgbouncer:
    build: ./pgbouncer
    restart: unless-stopped
    read_only: true
    tmpfs: [/run/postgresql, /var/log/postgresql]
    cap_drop: [ALL]
    security_opt: ['no-new-privileges:true']
    mem_limit: 128m
    logging: *logging
    volumes:
      - ./pgbouncer/pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini:ro
      - ./pgbouncer/userlist.txt:/etc/pgbouncer/userlist.txt:ro
    depends_on:
      database: { condition: service_healthy }
`

const VALKEY = `  # Valkey for jobs: bounded, never evicting, on disk within a second.
  valkey:
    image: valkey/valkey:8
    restart: unless-stopped
    env_file: env
    command: [sh, -c, 'exec valkey-server --requirepass "$$VALKEY_PASSWORD" --maxmemory 512mb --maxmemory-policy noeviction --appendonly yes']
    cap_drop: [ALL]
    cap_add: [SETGID, SETUID, CHOWN]
    security_opt: ['no-new-privileges:true']
    mem_limit: 768m
    logging: *logging
    volumes: [valkey:/data]
    healthcheck:
      test: [CMD-SHELL, 'valkey-cli -a "$$VALKEY_PASSWORD" --no-auth-warning ping | grep -q PONG']
      interval: 3s
      timeout: 3s
      retries: 20
`
