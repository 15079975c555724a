/** `npm run docs`: the documentation as pages, in packages/site/dist. `-- --serve` serves them on this machine, `-- --open` also
 *  opens a browser; `-- --port <n>` says where, 4200 by default. Fails when a link leads nowhere. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { referencePages } from './reference/index.ts'
import { makeSite, serveSite, writeSite } from './index.ts'

const repository = resolve(import.meta.dirname, '../../..')
const { values } = parseArgs({
  options: {
    serve: { type: 'boolean' },
    open: { type: 'boolean' },
    port: { type: 'string', default: '4200' },
    to: { type: 'string', default: join(repository, 'packages/site/dist') },
  },
})
const started = performance.now()
const site = makeSite(repository, await referencePages(repository))
await writeSite(site, values.to)
for (const fault of site.faults) console.error(fault)
console.log(`${site.files.size} pages in ${values.to}, ${((performance.now() - started) / 1000).toFixed(1)} s`)
if (site.faults.length > 0) process.exitCode = 1
else if (values.serve || values.open) await serve()

async function serve(): Promise<void> {
  const server = await serveSite(values.to, Number(values.port))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  console.log(url)
  if (values.open) openBrowser(url)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  server.closeAllConnections()
  server.close()
}

function openBrowser(url: string): void {
  const command = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open'
  spawn(command, [url], { stdio: 'ignore', detached: true })
    .on('error', () => console.log('There is no browser to open.'))
    .unref()
}
