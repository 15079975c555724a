/** Takes a backup and says so as soon as bytes come: to be killed then. */
import { systemClock } from '../kernel/index.ts'
import { openStorage } from '../storage/index.ts'
import { openBackups } from './index.ts'

const [url = '', folder = ''] = process.argv.slice(2)
const storage = await openStorage({ url: folder, secrets: ['secret'], clock: systemClock })
const log = { info: () => {}, warn: () => {} }
const backups = openBackups({ url, storage, app: 'shop', appVersion: '1', clock: systemClock, log })
await backups.take({
  onProgress: (step, done) => {
    if (step === 'base backup' && done > 1_000_000) process.stdout.write('going\n')
  },
})
