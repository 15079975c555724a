/** Every file that `tenfold deploy` writes, judged by the program that will read it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import dockerfile from 'dockerfile-utils'
import pg from 'pg'
import { parseAllDocuments } from 'yaml'
import { checkAlerts } from '../../packages/tenfold/src/alerts/index.ts'
import { startEmbedded } from '../../packages/tenfold/src/database/embedded/index.ts'
import {
  DEFAULTS,
  planOf,
  STAGES,
  TARGETS,
  userlist,
  writePlan,
  type Facts,
} from '../../packages/tenfold/src/deploy/index.ts'
import { freePort } from '../../packages/tenfold/src/deploy/testing/index.ts'
import { repository } from '../../scripts/test/step.ts'
import { installed, run } from './programs.ts'

/** What the linter would rather have, and is no fault. */
const HINT = 4

const FACTS: Facts = {
  ...DEFAULTS,
  app: 'book_shop',
  modules: ['orders', 'billing', 'media'],
  settings: ['SMTP_URL'],
  alerts: checkAlerts({ channels: { chat: { kind: 'slack', url: 'https://chat.example.com/a-secret' } } }),
  metrics: { 'orders.placed': { kind: 'counter', unit: '{order}' } },
  // Postgres is started with these settings, on whatever machine the tests run.
  machine: { memory: 1, cores: 1 },
  databaseMachine: { memory: 1, cores: 1 },
}

describe('what tenfold deploy writes', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenfold-files-'))
    for (const stage of STAGES) await writePlan(planOf(FACTS, stage, TARGETS), join(folder, String(stage), 'deploy'))
    const other: Facts = { ...FACTS, balancer: 'haproxy', proxies: ['203.0.113.0/24'] }
    for (const stage of [1, 4] as const)
      await writePlan(planOf(other, stage, ['machines', 'compose']), join(folder, 'haproxy', String(stage), 'deploy'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const files = async (pattern: RegExp): Promise<string[]> => {
    const found = (await readdir(folder, { recursive: true })).filter((path) => pattern.test(path)).sort()
    assert.ok(found.length > 0, `no file is like ${pattern}`)
    return found.map((path) => join(folder, path))
  }
  const accepted = async (program: string, args: readonly string[]): Promise<void> => {
    const { code, output } = await run(program, args)
    assert.equal(code, 0, `${program} ${args.join(' ')}\n${output}`)
  }
  const needs = (program: string): { skip: string | false } => ({
    skip: installed(program) ? false : `${program} is not installed: scripts/setup`,
  })

  test('scripts: bash and shellcheck', needs('shellcheck'), async () => {
    await accepted('shellcheck', [
      '--severity=warning',
      ...(await files(/(^|\/)[146]\/.*setup\.sh$/)),
      ...(await files(/reload-(nginx|haproxy)$/)),
    ])
  })

  test('firewalls: nft', needs('nft'), async (t) => {
    const probe = await run('nft', ['list', 'tables'])
    if (probe.code !== 0) return t.skip('the kernel lets this user read no rules')
    for (const file of await files(/nftables\.conf$/)) await accepted('nft', ['--check', '--file', file])
  })

  test('units: systemd, which also finds the service well locked', needs('systemd-analyze'), async () => {
    for (const place of new Set((await files(/[136]\/.*\.service$/)).map((file) => dirname(file)))) {
      // The programs that they start are not on this machine.
      const units = await readdir(place)
      for (const unit of units) {
        const text = await readFile(join(place, unit), 'utf8')
        await writeFile(join(place, unit), text.replaceAll(/\/usr\/bin\/(node|npm)/g, '/usr/bin/env'))
      }
      const { code, output } = await run('systemd-analyze', [
        'verify',
        '--man=no',
        ...units.map((unit) => join(place, unit)),
      ])
      // Unknown words are warnings, and the exit code is 0.
      assert.deepEqual([code, output.replace(/^.*(Failed to (open|create) \/dev|not-found).*\n/gm, '')], [0, ''])
    }
    const [service = ''] = await files(/book-shop\.service$/)
    const { output } = await run('systemd-analyze', ['security', '--offline=true', service])
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1])
    assert.ok(exposure <= 2, output.slice(-200))
  })

  test('nginx: nginx, with certificates and instances that are here', needs('nginx'), async () => {
    const key = join(folder, 'key.pem')
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
    await accepted('openssl', [...made, '-out', join(folder, 'cert.pem'), '-subj', '/CN=example.com', '-days', '2'])
    for (const sites of [
      await files(/[14]\/.*nginx\/conf\.d\/.*\.conf$/),
      await files(/3\/deploy\/compose\/nginx\.conf$/),
    ]) {
      for (const place of new Set(sites.map((file) => dirname(file)))) {
        const texts = await Promise.all(
          sites.filter((file) => dirname(file) === place).map((file) => readFile(file, 'utf8')),
        )
        const here = texts
          .join('\n')
          .replaceAll(/\/etc\/letsencrypt\/live\/[^/]+\/(fullchain|privkey)\.pem/g, (_, kind) =>
            kind === 'privkey' ? key : join(folder, 'cert.pem'),
          )
        const conf = join(folder, 'nginx.conf')
        const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
          (kind) => `${kind}_temp_path ${folder}/${kind};`,
        )
        await writeFile(
          conf,
          `pid ${folder}/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${paths.join('\n')}\n${here.replaceAll(/server app(-\d+)?:/g, 'server 127.0.0.1:')}\n}\n`,
        )
        await accepted('nginx', ['-t', '-q', '-c', conf])
      }
    }
  })

  test('HAProxy: haproxy, with certificates and instances that are here', needs('haproxy'), async () => {
    const both = join(folder, 'both.pem')
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    await accepted('openssl', [...made, '-keyout', both, '-out', `${both}.crt`, '-subj', '/CN=example.com'])
    await writeFile(both, (await readFile(`${both}.crt`, 'utf8')) + (await readFile(both, 'utf8')))
    const found = await files(/haproxy\.cfg$/)
    assert.equal(found.length, 4)
    for (const file of found) {
      const text = await readFile(file, 'utf8')
      const here = text
        .replace(/\S+\/certificates\/\S+\.pem/g, both)
        .replaceAll(/(server app-\d) app-\d:/g, '$1 127.0.0.1:')
      await writeFile(file, here)
      const { code, output } = await run('haproxy', ['-c', '-f', file])
      assert.deepEqual([code, /warning/i.test(output)], [0, false], output)
    }
    // A word that HAProxy does not know is noticed.
    await writeFile(`${both}.cfg`, (await readFile(found[0]!, 'utf8')).replace('balance leastconn', 'balance fairly'))
    assert.notEqual((await run('haproxy', ['-c', '-f', `${both}.cfg`])).code, 0)
  })

  test('Prometheus: promtool', needs('promtool'), async () => {
    for (const file of await files(/prometheus\.yml$/)) {
      // Beside it, as on the machine, and with the token that is made there.
      const here = (await readFile(file, 'utf8')).replaceAll('/etc/prometheus', dirname(file))
      const [, token = ''] = /credentials_file: (.*)/.exec(here)!
      await writeFile(token, 'a token')
      await writeFile(file, here)
      // It checks the rules that it finds, too.
      const { code, output } = await run('promtool', ['check', 'config', file])
      assert.deepEqual([code, /SUCCESS: \d\d rules found/.test(output)], [0, true], output)
    }
  })

  test('Alertmanager: amtool', needs('amtool'), async () => {
    for (const file of await files(/[236]\/.*alertmanager\.yml$/)) await accepted('amtool', ['check-config', file])
  })

  test('Compose: docker-compose', needs('docker-compose'), async () => {
    for (const file of await files(/[16]\/deploy\/compose\/compose\.yaml$/)) {
      await writeFile(join(dirname(file), 'env'), '')
      // The oldest one that is still about does not know that a project can have a name.
      await writeFile(file, (await readFile(file, 'utf8')).replace(/^name: .*\n/m, ''))
      await accepted('docker-compose', ['--file', file, 'config', '--quiet'])
      const watched = join(dirname(file), 'observe.yaml')
      if (existsSync(watched))
        await accepted('docker-compose', ['--file', file, '--file', watched, 'config', '--quiet'])
    }
  })

  test('Dockerfiles: the linter of the language server', async () => {
    const found = [...(await files(/1\/Dockerfile$/)), ...(await files(/3\/deploy\/compose\/pgbouncer\/Dockerfile$/))]
    for (const file of found) {
      const problems = dockerfile.validate(await readFile(file, 'utf8'))
      assert.deepEqual(
        problems.filter(({ severity }) => severity !== HINT).map(({ message }) => message),
        [],
      )
    }
  })

  test('YAML: no key twice, no error', async () => {
    for (const file of await files(/(?<!helm\/templates\/[\w-]+)\.ya?ml$/))
      for (const { errors } of parseAllDocuments(await readFile(file, 'utf8'), { uniqueKeys: true }))
        assert.deepEqual(errors, [], file)
  })

  test('manifests and the dashboard: the types of Kubernetes, its operators and Grafana, without an unknown key', async () => {
    const { imports, values } = await typedManifests(await files(/6\/deploy\/kubernetes\/.*\.yaml$/))
    assert.ok(values.length > 20)
    const [dashboard = ''] = await files(/6\/.*dashboards\/[\w-]+\.json$/)
    imports.push(`import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'`, WRITTEN)
    values.push(`export const dashboard: Written<Dashboard> = ${await readFile(dashboard, 'utf8')}`)
    const check = async (lines: readonly string[]): Promise<string> => {
      await writeFile(join(folder, 'manifests.mts'), [...imports, ...lines].join('\n'))
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(repository, 'tsconfig.json'), include: [], files: ['manifests.mts'], compilerOptions: { types: [] } })) // prettier-ignore
      return (await run(join(repository, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'])).output
    }
    await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'))
    assert.equal(await check(values), '')
    // And a key that does not exist is noticed.
    const planted = values.map((line) =>
      line
        .replace('"maxUnavailable":0', '"maxUnavailable":0,"maxUnavailabel":0')
        .replace('"schemaVersion"', '"schemaVersoin"'),
    )
    const found = await check(planted)
    for (const fault of [/maxUnavailabel/, /schemaVersoin/]) assert.match(found, fault)
  })

  test('Postgres starts with its settings, reads who may log in, and is reached through PgBouncer with its own', async () => {
    const [conf = ''] = await files(/4\/.*\/replica\/.*conf\.d\/book_shop\.conf$/)
    const settings = new Map(
      [...(await readFile(conf, 'utf8')).matchAll(/^(\w+) = '?([^'\n]*)'?$/gm)].map(([, name = '', value = '']) => [
        name,
        value,
      ]),
    )
    assert.ok(settings.size > 30)
    settings.delete('listen_addresses')
    const server = await startEmbedded({
      dataDir: join(folder, 'postgres'),
      database: 'book_shop',
      fsync: false,
      settings: Object.fromEntries(settings),
    })
    const client = new pg.Client({ connectionString: server.adminUrl })
    await client.connect()
    try {
      const asked = await client.query<{ name: string }>(
        `select name from pg_settings where source = 'default' and name = any ($1) and boot_val <> reset_val`,
        [[...settings.keys()]],
      )
      assert.deepEqual(asked.rows, [])
      const there = join(folder, 'postgres/data/pg_hba.conf')
      const faults = async (text: string): Promise<unknown[]> => {
        await writeFile(there, text)
        return (await client.query('select line_number, error from pg_hba_file_rules where error is not null')).rows
      }
      for (const hba of await files(/[14]\/.*pg_hba\.conf$/)) {
        assert.deepEqual(await faults(await readFile(hba, 'utf8')), [], basename(hba))
      }
      const [hba = ''] = await files(/4\/.*pg_hba\.conf$/)
      assert.equal((await faults((await readFile(hba, 'utf8')).replace('peer', 'pear'))).length, 1)
      const [ini = ''] = await files(/4\/.*\/database\/.*pgbouncer\.ini$/)
      await throughPooler(folder, await readFile(ini, 'utf8'), client, new URL(server.adminUrl).port)
    } finally {
      await client.end()
      await server.stop()
    }
  })
})

/** A role of the app logs in through a real PgBouncer, with the settings and the list of users that are written for it. */
async function throughPooler(folder: string, ini: string, admin: pg.Client, serverPort: string): Promise<void> {
  if (!installed('pgbouncer')) return
  const place = join(folder, 'pooler')
  await mkdir(place)
  const port = await freePort()
  const users = userlist(FACTS, 'a key of at least thirty-two characters')
  const here = ini
    .replace(/port=5432/, `port=${serverPort}`)
    .replace(/^listen_addr = .*/m, 'listen_addr = 127.0.0.1')
    .replace(/^listen_port = .*/m, `listen_port = ${port}`)
    .replaceAll(/\/(etc\/pgbouncer|var\/log\/postgresql|run\/postgresql)/g, place)
  await writeFile(join(place, 'pgbouncer.ini'), here)
  await writeFile(join(place, 'userlist.txt'), users)
  const [, role = '', password = ''] = /^"(\w+_orders)" "([^"]+)"$/m.exec(users)!
  await admin.query(`create role ${role} login password '${password}'`)
  const url = `postgres://${role}:${encodeURIComponent(password)}@127.0.0.1:${port}/book_shop`
  // It does not run as root.
  await chmod(folder, 0o755)
  await chmod(place, 0o777)
  const as = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
  const pooler = spawn('pgbouncer', [join(place, 'pgbouncer.ini')], { ...as, env, stdio: ['ignore', 'ignore', 'pipe'] })
  const said: string[] = []
  pooler.stderr.setEncoding('utf8').on('data', (text) => said.push(text))
  const ended = new Promise((resolve) => pooler.on('close', resolve))
  try {
    const deadline = Date.now() + 30_000
    for (;;) {
      const client = new pg.Client({ connectionString: url })
      try {
        await client.connect()
        const { rows } = await client.query('select current_user as me')
        assert.deepEqual(rows, [{ me: role }])
        break
      } catch (error) {
        if (pooler.exitCode !== null || Date.now() > deadline) throw new Error(said.join(''), { cause: error })
        await new Promise((resolve) => setTimeout(resolve, 100))
      } finally {
        await client.end().catch(() => {})
      }
    }
    assert.doesNotMatch(said.join(''), /WARNING|ERROR|unknown/)
  } finally {
    pooler.kill('SIGKILL')
    await ended
  }
}

/** As JSON has it: an enumeration is its text. */
const WRITTEN = `import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
type Query = Omit<Dataquery, '_implementsDataqueryVariant'>
type Written<T> = T extends string ? \`\${T}\`
  : T extends (infer One)[] ? Written<One>[]
  : T extends { _implementsDataqueryVariant: unknown } ? Written<Query>
  : T extends object ? { [Key in keyof T]: Written<T[Key]> } : T`

const SCHEMAS = [
  ['keda', '@kubernetes-models/keda'],
  ['postgresql.cnpg', '@kubernetes-models/cloudnative-pg'],
  ['monitoring.coreos', '@kubernetes-models/prometheus-operator'],
] as const

/** Each document as a constant of the type that its schema gives it: what the type lacks does not compile. */
async function typedManifests(files: readonly string[]): Promise<{ imports: string[]; values: string[] }> {
  const imports = new Set<string>()
  const values: string[] = []
  for (const file of files)
    for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
      const manifest = document.toJS() as { apiVersion: string; kind: string }
      const { apiVersion, kind } = manifest
      const source = SCHEMAS.find(([group]) => apiVersion.startsWith(group))?.[1] ?? 'kubernetes-models'
      imports.add(`import type { I${kind} } from '${source}/${apiVersion}'`)
      values.push(`export const m${values.length}: I${kind} = ${JSON.stringify(manifest)}`)
    }
  return { imports: [...imports], values }
}
