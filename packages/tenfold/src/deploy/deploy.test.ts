import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { checkAlerts } from '../alerts/index.ts'
import {
  DEFAULTS,
  diffStages,
  LADDER,
  lastChoices,
  planOf,
  STAGES,
  TARGETS,
  userlist,
  writePlan,
  type Facts,
} from './index.ts'
import { chartWords, valuesOf } from './kubernetes/values.ts'
import { MOVES } from './ladder.ts'
import { postgresSettings } from './sizing.ts'

const FACTS: Facts = {
  ...DEFAULTS,
  app: 'book_shop',
  modules: ['orders', 'billing', 'media'],
  settings: ['SMTP_URL'],
  alerts: checkAlerts({}),
  metrics: { 'orders.placed': { kind: 'counter', unit: '{order}' } },
}

describe('the files of a stage', () => {
  test('are the same for the same facts', () => {
    for (const stage of STAGES) assert.deepEqual(planOf(FACTS, stage, TARGETS), planOf(FACTS, stage, TARGETS))
  })

  test('hold no secret, and say of each where it comes from', () => {
    for (const stage of STAGES)
      for (const { path, text } of planOf(FACTS, stage, TARGETS).files) {
        assert.doesNotMatch(text, /postgres:\/\/[^:]+:(?!PASSWORD@|…@)[^@\s]+@/, path)
        assert.doesNotMatch(text, /^(SECRET_KEY|TENFOLD_CONSOLE_TOKEN|METRICS_TOKEN|SMTP_URL)=\S/m, path)
      }
    const environment = planOf(FACTS, 1).files.find(({ path }) => path.endsWith('env.example'))!.text
    assert.match(environment, /^# asked for by a module\nSMTP_URL=$/m)
  })

  test('say in their first lines what they are for, and leave no hole', () => {
    for (const stage of STAGES)
      for (const { path, text } of planOf(FACTS, stage, TARGETS).files) {
        assert.doesNotMatch(text, /undefined|\[object|NaN/, path)
        assert.match(
          text.split('\n').slice(0, 3).join('\n'),
          /^(#|;|--|\/\/)|apiVersion: v[12]$|^ {2}"description": "/m,
          path,
        )
        assert.ok(text.endsWith('\n') && !text.endsWith('\n\n'), `${path} ends in one line end`)
      }
  })

  test('grow with the stages: a pooler from the third, replicas from the fourth, Valkey from the fifth, a service at the sixth', () => {
    const has = (part: string): number[] =>
      STAGES.filter((stage) => planOf(FACTS, stage, ['machines']).files.some(({ path }) => path.includes(part)))
    assert.deepEqual(has('pgbouncer.ini'), [3, 4, 5, 6])
    assert.deepEqual(has('machines/replica/'), [4, 5, 6])
    assert.deepEqual(has('valkey'), [5, 6])
    assert.deepEqual(has('machines/service/'), [6])
    assert.deepEqual(has('machines/database/'), [2, 3, 4, 5, 6])
  })

  test('run the jobs of each module in one place at the sixth stage', () => {
    const unit = (machine: string): string =>
      planOf({ ...FACTS, split: 'billing' }, 6, ['machines']).files.find(
        ({ path }) => path === `machines/${machine}/etc/systemd/system/book-shop.service`,
      )!.text
    assert.match(unit('app'), /tenfold\.js start --only web\n/)
    assert.match(unit('worker'), /--only worker,cron,console --modules orders,media\n/)
    assert.match(unit('service'), /tenfold\.js start --modules billing\n/)
  })

  test('are the same on Kubernetes whether as manifests or as a chart with its own values', () => {
    for (const stage of STAGES) {
      const values = valuesOf(FACTS, stage)
      const words = new Map<string, string>()
      const pair = (value: unknown, word: unknown): void => {
        if (typeof value !== 'object' || value === null) return void words.set(String(word), String(value))
        for (const key of Object.keys(value)) pair(Reflect.get(value, key), Reflect.get(word as object, key))
      }
      pair(values, chartWords(values))
      const plan = planOf(FACTS, stage, ['kubernetes', 'helm'])
      const templates = plan.files.filter(({ path }) => path.startsWith('helm/templates/'))
      assert.ok(templates.length >= 8)
      for (const { path, text } of templates) {
        // What is not meant for the chart stands in it as a text; no other template is opened.
        assert.doesNotMatch(text, /\{\{(?! ([.\w]+|"\{\{") \}\})(?!" \}\})/, path)
        const filled = text
          .replace(/\{\{ [.\w]+ \}\}/g, (word) => words.get(word) ?? `unknown ${word}`)
          .replaceAll('{{ "{{" }}', '{{')
        const plain = plan.files.find((file) => file.path === path.replace('helm/templates/', 'kubernetes/'))!.text
        const withoutHooks = filled.replace(/ {2}annotations:\n {4}# Before the pods[^]*?(?=spec:)/, '')
        assert.equal(withoutHooks, plain, path)
      }
    }
  })

  test('give Postgres what its machine has, and no more', () => {
    for (const memory of [1, 2, 8, 64, 256])
      for (const cores of [1, 4, 32]) {
        const set = postgresSettings({ memory, cores }, true)
        const atWork = (set.maxConnections / 2) * set.workMem * 2
        assert.ok(
          set.sharedBuffers + atWork <= memory * 1024 * 0.95 || set.workMem === 4,
          `${memory} GiB: ${JSON.stringify(set)}`,
        )
        assert.ok(set.sharedBuffers < set.effectiveCacheSize)
      }
  })

  test('list the roles of the app for PgBouncer, with passwords that only the key gives', () => {
    const list = userlist(FACTS, 'a key of at least thirty-two characters')
    assert.match(list, /^"book_shop_tenfold" "[\w-]{43}"$/m)
    assert.equal(list.trimEnd().split('\n').length, 4)
    assert.notEqual(list, userlist(FACTS, 'another key of at least thirty-two chars'))
  })
})

describe('the way between two stages', () => {
  test('is known for each step, forwards and back', () => {
    assert.deepEqual(
      LADDER.map(({ stage }) => stage),
      STAGES,
    )
    assert.deepEqual(MOVES.map(({ from, to }) => [from, to]), [[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]]) // prettier-ignore
    for (const { steps, risks, back } of MOVES) assert.ok(steps.length >= 3 && risks.length >= 2 && back.length >= 2)
  })

  test('over several stages has each of them, and names the files that come, change and go', () => {
    const up = diffStages(FACTS, 2, 4)
    assert.deepEqual(
      up.moves.map(({ to }) => to),
      [3, 4],
    )
    assert.ok(up.files.some(({ path, change }) => change === 'new' && path.includes('replica')))
    const down = diffStages(FACTS, 4, 2)
    assert.deepEqual(
      down.moves.map(({ from }) => from),
      [3, 2],
    )
    assert.ok(down.files.some(({ path, change }) => change === 'removed' && path.includes('replica')))
    assert.deepEqual(diffStages(FACTS, 3, 3).files, [])
  })
})

describe('writing a plan', () => {
  const folder = async (t: TestContext): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), 'tenfold-deploy-'))
    t.after(() => rm(made, { recursive: true }))
    return join(made, 'deploy')
  }
  const plan = planOf(FACTS, 1)

  test('twice changes nothing the second time; scripts can be run', async (t) => {
    const to = await folder(t)
    assert.ok((await writePlan(plan, to)).every(({ fate }) => fate === 'new'))
    assert.ok((await writePlan(plan, to)).every(({ fate }) => fate === 'same'))
    assert.equal((await stat(join(to, 'machines/app/setup.sh'))).mode & 0o777, 0o755)
  })

  test('as a dry run writes nothing', async (t) => {
    const to = await folder(t)
    await writePlan(plan, to, { dryRun: true })
    assert.equal(existsSync(to), false)
  })

  test('over a file that was changed by hand stops before anything is written, and goes on with force', async (t) => {
    const to = await folder(t)
    await writePlan(plan, to)
    const file = join(to, 'machines/app/etc/nftables.conf')
    await writeFile(file, '# mine')
    const next = planOf({ ...FACTS, domain: 'shop.example.org' }, 2)
    await assert.rejects(
      writePlan(next, to),
      /TF_DEPLOY_CHANGED|machines\/app\/etc\/nftables\.conf would be overwritten/,
    )
    assert.equal(await readFile(file, 'utf8'), '# mine')
    assert.equal(existsSync(join(to, 'machines/database')), false)
    await writePlan(next, to, { force: true })
    assert.notEqual(await readFile(file, 'utf8'), '# mine')
  })

  test('removes what the stage no longer has, unless somebody has changed it', async (t) => {
    const to = await folder(t)
    await writePlan(planOf(FACTS, 2), to)
    const mine = join(to, 'machines/database/setup.sh')
    await writeFile(mine, '# mine')
    const fates = new Map((await writePlan(plan, to)).map(({ path, fate }) => [path, fate]))
    assert.equal(fates.get('machines/database/setup.sh'), 'kept')
    assert.equal(fates.get('machines/database/database.sql'), 'removed')
    assert.equal(await readFile(mine, 'utf8'), '# mine')
    assert.equal(existsSync(join(to, 'machines/database/database.sql')), false)
  })

  test('remembers what was chosen', async (t) => {
    const to = await folder(t)
    assert.deepEqual(await lastChoices(to), {})
    await writePlan(plan, to, { choices: { domain: 'shop.example.org' } })
    assert.deepEqual(await lastChoices(to), { domain: 'shop.example.org' })
  })
})
