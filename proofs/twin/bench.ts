/** Runs the twin test on one of the apps, in a folder of its own with the packages that it needs. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createDatabase,
  databaseUrl,
  dropDatabase,
  testServer,
} from '../../packages/tenfold/src/database/testing/index.ts'
import { randomHex } from '../../packages/tenfold/src/kernel/index.ts'
import { startTestRedis } from '../../packages/tenfold/src/redis/testing/index.ts'
import { readScenario, twin, type TwinReport } from '../../packages/tenfold/src/twin/index.ts'
import type { App } from './apps.ts'

export interface Bench {
  test(app: App, signal: AbortSignal, progress?: (line: string) => void): Promise<TwinReport>
  close(): Promise<void>
}

/** `packages` has the node_modules that the apps see. */
export async function openBench(packages: string): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'twin-proof-'))
  const sink = await startSink()
  const redis = await startTestRedis({ appendfsync: 'no' })
  const databases: string[] = []
  const databaseFor = async (): Promise<string> => {
    const name = `test_twin_${randomHex(6)}`
    const server = await testServer()
    await createDatabase(server, name)
    databases.push(name)
    return databaseUrl(server.adminUrl, name)
  }
  let used = 0
  return {
    async test({ name, beside, program = 'server.js', database: wantsDatabase }, signal, progress) {
      const at = join(folder, name)
      const database = `${redis.url}/${used++ % 16}`
      await prepare(name, at, packages)
      const other = beside && join(folder, `${name}-${beside}`)
      if (other) await prepare(`${name}/${beside}`, other, packages)
      const scenario = readScenario(JSON.parse(await readFile(join(at, 'twin.json'), 'utf8')), 'twin.json')
      return twin({
        command: ['node', program],
        folder: at,
        scenario: { ...scenario, reset: `redis-cli -u ${database} flushdb` },
        env: {
          ...process.env,
          REDIS_URL: database,
          SINK_URL: sink.url,
          SHARED_FOLDER: join(folder, 'shared'),
          NODE_ENV: 'production',
          ...(wantsDatabase && { DATABASE_URL: await databaseFor() }),
        },
        ...(other && { beside: other }),
        signal,
        ...(progress && { progress }),
      })
    },
    async close() {
      sink.server.close()
      await redis.stop()
      for (const name of databases) await dropDatabase(await testServer(), name)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function prepare(name: string, to: string, packages: string): Promise<void> {
  await mkdir(to, { recursive: true })
  await cp(join(import.meta.dirname, 'apps', name), to, { recursive: true })
  await writeFile(join(to, 'package.json'), '{ "version": "1.0.0", "private": true, "type": "module" }\n')
  await symlink(join(packages, 'node_modules'), join(to, 'node_modules'))
}

/** Somebody who takes mail, charges and reports. */
async function startSink(): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}
