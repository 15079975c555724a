/** A base backup: the server sends all of its files, and the log that it wrote meanwhile, over one connection. */
import { PassThrough } from 'node:stream'
import { randomHex } from '../kernel/index.ts'
import type { Progress } from './backup.ts'
import { bytesOf, replicate } from './replication.ts'

export interface BaseBackup {
  /** A tar file. Read it to its end, then ask for `done`. */
  body: AsyncIterable<Uint8Array>
  system: string
  segmentBytes: number
  /** Where it begins and ends in the log; rejects when the server broke off. */
  done: Promise<{ start: string; end: string; timeline: number }>
}

/** Postgres 15 and newer. The log is held back by a slot that ends with the connection, so that none of it can go missing. */
export async function startBaseBackup(
  url: string,
  options: { label: string; signal?: AbortSignal | undefined; onProgress?: Progress | undefined },
): Promise<BaseBackup> {
  const connection = await replicate(url, 'tenfold/backup')
  const body = new PassThrough({ highWaterMark: 1 << 20 })
  const abort = (): void => {
    body.destroy(options.signal?.reason as Error)
    void connection.close()
  }
  try {
    const system = (await connection.ask('IDENTIFY_SYSTEM'))[0]![0]!.systemid!
    const segmentBytes = bytesOf((await connection.ask('SHOW wal_segment_size'))[0]![0]!.wal_segment_size!)
    await connection.ask(`CREATE_REPLICATION_SLOT "tenfold_base_${randomHex(4)}" TEMPORARY PHYSICAL RESERVE_WAL`)
    options.signal?.throwIfAborted()
    options.signal?.addEventListener('abort', abort, { once: true })
    body.on('drain', () => connection.resume())
    body.on('close', () => connection.resume())

    let sent = 0
    const onBytes = (message: Buffer): boolean => {
      switch (String.fromCharCode(message[0]!)) {
        case 'd':
          sent += message.length - 1
          options.onProgress?.('base backup', sent)
          return body.destroyed || body.write(message.subarray(1))
        case 'n':
          if (sent > 0) throw new Error('the server sent a second archive')
          return true
        default:
          return true // progress, which we count ourselves
      }
    }
    const command = `BASE_BACKUP (LABEL '${options.label}', CHECKPOINT 'fast', WAL true, WAIT true, MANIFEST 'no')`
    const streamed = connection.stream(command, onBytes)
    const done = streamed
      .then((sets) => {
        const positions = sets.flat().filter((row) => row.recptr)
        const [first, last] = [positions[0], positions[1]]
        if (!first?.recptr || !last?.recptr) throw new Error('the server did not say where the backup ends')
        return { start: first.recptr, end: last.recptr, timeline: Number(first.tli) }
      })
      .finally(async () => {
        options.signal?.removeEventListener('abort', abort)
        await connection.close()
      })
    // The end of the body is the end of the backup only if the server says so.
    done.then(
      () => body.end(),
      (error: Error) => body.destroy(error),
    )
    return { body, system, segmentBytes, done }
  } catch (error) {
    await connection.close()
    throw error
  }
}
