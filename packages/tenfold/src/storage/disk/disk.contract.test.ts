import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage } from '../index.ts'
import { describeStorageContract } from '../testing/contract.ts'

describeStorageContract('disk', async (clock) => {
  const url = await mkdtemp(join(tmpdir(), 'tenfold-files-'))
  const [a, b] = [
    await openStorage({ url, secrets: ['a secret'], baseUrl: 'https://shop.example/', clock }),
    // While a secret is being replaced: it signs with the new one and still knows the old one.
    await openStorage({ url, secrets: ['the next secret', 'a secret'], clock }),
  ]
  return {
    a,
    b,
    async close() {
      await Promise.all([a.close(), b.close()])
      await rm(url, { recursive: true })
    },
  }
})
