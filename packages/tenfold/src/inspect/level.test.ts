import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SystemDatabase } from '../database/index.ts'
import { testDatabase } from '../database/testing/index.ts'
import { systemClock } from '../kernel/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createFleetLevel, migrations } from './index.ts'

test('the level of the log is that of all processes, until its time is over', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const lines: string[] = []
  const process_ = (instance: string) => {
    const telemetry = createTelemetry({
      service: 's',
      env: 'test',
      level: 'warn',
      instance,
      destination: { write: (line: string) => void lines.push(`${instance} ${line}`) },
    })
    return { telemetry, level: createFleetLevel({ db: own.system, telemetry, clock: systemClock }) }
  }
  const [one, two] = [process_('one'), process_('two')]
  await one.level.service.start()
  await two.level.service.start()
  const untilSeen = async (level: string, at = two): Promise<void> => {
    for (const deadline = Date.now() + 20_000; at.level.now().level !== level;) {
      assert.ok(Date.now() < deadline, `${at.level.now().level}, not ${level}, after 20 s`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  const set = await one.level.set('debug', 10)
  assert.equal(set.level, 'debug')
  assert.ok(set.until! > Date.now())
  await untilSeen('debug')
  const late = process_('late')
  await late.level.service.start()
  assert.equal(late.level.now().level, 'debug', 'who comes later follows, too')

  await two.level.set('error', 10)
  await untilSeen('error', one)
  await two.level.set('debug', 0)
  await untilSeen('warn', one)
  assert.equal(one.level.now().until, undefined)

  await one.level.set('trace', 1 / 600)
  await untilSeen('warn')
  await untilSeen('warn', one)

  for (const { telemetry, level } of [one, two, late]) {
    await level.service.stop()
    await telemetry.close()
  }
  assert.ok(lines.some((line) => line.startsWith('two') && line.includes('The log level has changed')))
  await own.close()
})

test('a look that takes long is not followed after a later one', async () => {
  const own = await testDatabase({ migrations: [migrations] })
  const telemetry = createTelemetry({ service: 's', env: 'test', level: 'warn', destination: { write() {} } })
  const held = Promise.withResolvers<void>()
  const reading = Promise.withResolvers<void>()
  let looks = 0
  // The first look has read when the second one comes, and hears of it last.
  const slow = {
    ...own.system,
    query: async (text: string, values?: unknown[]) => {
      const result = await own.system.query(text, values)
      if (text.startsWith('select level') && ++looks === 1) {
        reading.resolve()
        await held.promise
      }
      return result
    },
  } as SystemDatabase
  const level = createFleetLevel({ db: slow, telemetry, clock: systemClock })
  const first = level.set('debug', 10)
  await reading.promise
  const second = level.set('debug', 0)
  for (const deadline = Date.now() + 20_000; ;) {
    const { rows } = await own.system.query('select from tenfold.telemetry_level where until > now()')
    if (rows.length === 0) break
    assert.ok(Date.now() < deadline, 'the second one has been stored')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  // Long enough for the second look, if it did not wait.
  await new Promise((resolve) => setTimeout(resolve, 100))
  held.resolve()
  await Promise.all([first, second])
  assert.equal(level.now().level, 'warn')
  await level.service.stop()
  await telemetry.close()
  await own.close()
})
