import { write, writeSync } from 'node:fs'
import type { LogDestination } from './logger.ts'

/** How much is gathered before it is written, and how large one write is at most. */
const BLOCK = 64 * 1024
const GATHER_MS = 100
const RETRY_MS = 20

/** Standard output, written in the background. Where no person looks on, lines wait for each other for up to 100 ms or
 *  64 KiB: a write for each costs more than all else about a request's line. What does not fit into `maxBytes` of memory
 *  is dropped and counted. Everything is written at the end of the process, a crash by an exception included; `kill -9`
 *  loses what waits. */
export function standardOutput(maxBytes: number, onDrop: () => void): LogDestination {
  return new Output(1, process.stdout.isTTY ? 0 : GATHER_MS, maxBytes, onDrop)
}

/** Lines go into the last block; the first is the one that is being written. */
class Output implements LogDestination {
  private readonly fd: number
  private readonly gatherMs: number
  private readonly maxBlocks: number
  private readonly onDrop: () => void
  private readonly blocks: { bytes: Buffer; from: number; end: number }[] = []
  private spare: Buffer | undefined
  private busy = false
  private timer: NodeJS.Timeout | undefined
  private readonly waiting: (() => void)[] = []
  private readonly atExit = (): void => this.writeAllNow()

  constructor(fd: number, gatherMs: number, maxBytes: number, onDrop: () => void) {
    this.fd = fd
    this.gatherMs = gatherMs
    this.maxBlocks = Math.max(2, Math.ceil(maxBytes / BLOCK))
    this.onDrop = onDrop
  }

  write(line: string): void {
    // No character takes more than three bytes of UTF-8 for each of its units.
    const room = line.length * 3
    let last = this.blocks.at(-1)
    if (!last || last.bytes.length - last.end < room) {
      if (this.blocks.length >= this.maxBlocks) return this.onDrop()
      if (this.blocks.length === 0) process.on('exit', this.atExit)
      last = { bytes: this.block(room), from: 0, end: 0 }
      this.blocks.push(last)
      if (this.blocks.length > 1) this.begin()
    }
    last.end += last.bytes.write(line, last.end, 'utf8')
    if (this.busy || this.timer) return
    // Not unrefed for a terminal only: a program that ends by itself writes the rest in `atExit`.
    if (this.gatherMs === 0) this.begin()
    else this.timer = setTimeout(() => this.begin(), this.gatherMs).unref()
  }

  flush(): Promise<void> {
    if (this.blocks.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000)
      this.waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
      this.begin()
    })
  }

  private block(room: number): Buffer {
    const { spare } = this
    if (!spare || room > BLOCK) return Buffer.allocUnsafeSlow(Math.max(BLOCK, room))
    this.spare = undefined
    return spare
  }

  private begin(): void {
    if (this.busy) return
    clearTimeout(this.timer)
    this.timer = undefined
    const first = this.blocks[0]
    if (!first) return
    this.busy = true
    const { bytes, from, end } = first
    write(this.fd, bytes, from, end - from, null, (error, written) => {
      this.busy = false
      if (!error) first.from += written
      else if (error.code === 'EAGAIN') {
        this.timer = setTimeout(() => this.begin(), RETRY_MS).unref()
        return
      } else {
        // Nobody reads any more: what was meant for them is lost, line by line.
        for (let i = first.from; i < first.end; i++) if (bytes[i] === 10) this.onDrop()
        first.from = first.end
      }
      if (first.from >= first.end) this.drop()
      if (this.blocks.length > 1 || this.waiting.length > 0) this.begin()
      else if (this.blocks.length === 1) this.timer = setTimeout(() => this.begin(), this.gatherMs).unref()
    })
  }

  /** The first block is done with. */
  private drop(): void {
    const { bytes } = this.blocks.shift()!
    if (bytes.length === BLOCK) this.spare = bytes
    if (this.blocks.length > 0) return
    process.off('exit', this.atExit)
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  /** At the end of the process. A reader that does not read holds it for a fifth of a second at most. */
  private writeAllNow(): void {
    const deadline = performance.now() + 200
    for (const one of this.blocks) {
      while (one.from < one.end) {
        try {
          one.from += writeSync(this.fd, one.bytes, one.from, one.end - one.from)
        } catch (error) {
          if ((error as { code?: string }).code !== 'EAGAIN' || performance.now() > deadline) return
          Atomics.wait(PAUSE, 0, 0, 5)
        }
      }
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
