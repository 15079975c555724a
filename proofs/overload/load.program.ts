/** The load, in a process of its own, over connections that are open before it starts, as those of a balancer are. Open model: requests go out when their time has come, whatever became of those before,
 *  and a latency counts from that time on. Closed model (`lanes`): each connection asks again once it is answered.
 *  On standard input, one line each: a Phase; on standard output what became of it. */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Outcome, Phase } from './phases.ts'

const CONNECTIONS = 1500

interface Line {
  socket: Socket
  text: string
  asked: Asked | undefined
}
interface Asked {
  path: string
  due: number
  timer: NodeJS.Timeout
}

class Run {
  readonly phase: Phase
  private started = performance.now()
  readonly outcome: Outcome
  private readonly idle: Line[] = []
  private readonly lines = new Set<Line>()
  private open = 0

  constructor(phase: Phase) {
    this.phase = phase
    const buckets = Math.ceil((phase.ms + phase.patienceMs) / 250)
    const paths = phase.paths.map(({ path }) => [path, { sent: 0, good: 0, refused: 0, late: 0, failed: 0, ms: [] }])
    this.outcome = {
      paths: Object.fromEntries(paths),
      slowest: Array(buckets).fill(0),
      refused: Array(buckets).fill(0),
    }
  }

  async run(): Promise<Outcome> {
    const { ms, lanes, perSecond } = this.phase
    const wanted = lanes > 0 ? lanes : CONNECTIONS
    for (let i = 0; i < wanted; i++) this.idle.push(await this.connect())
    this.started = performance.now()
    if (lanes > 0) for (let i = 0; i < lanes; i++) this.ask(performance.now())
    let sent = 0
    while (performance.now() < this.started + ms) {
      if (lanes === 0) {
        const due = Math.floor(((performance.now() - this.started) * perSecond) / 1000)
        for (; sent < due; sent++) this.ask(this.started + (sent * 1000) / perSecond)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    while (this.open > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    for (const { socket } of this.lines) socket.destroy()
    return this.outcome
  }

  private ask(due: number): void {
    const path = this.choose()
    const counts = this.outcome.paths[path]!
    counts.sent++
    const line = this.idle.pop()
    // All connections wait for answers: this one would not have come in time either.
    if (!line) return void counts.late++
    this.open++
    const timer = setTimeout(() => this.giveUp(line), Math.max(1, due + this.phase.patienceMs - performance.now()))
    line.asked = { path, due, timer }
    line.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  }

  private choose(): string {
    let at = Math.random()
    for (const { path, share } of this.phase.paths) if ((at -= share) < 0) return path
    return this.phase.paths[0]!.path
  }

  private async connect(): Promise<Line> {
    const socket = connect({ port: this.phase.port, host: '127.0.0.1', noDelay: true })
    const line: Line = { socket, text: '', asked: undefined }
    this.lines.add(line)
    socket.on('data', (chunk: Buffer) => this.read(line, chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.lines.delete(line)
      const at = this.idle.indexOf(line)
      if (at >= 0) this.idle.splice(at, 1)
      this.end(line, (counts) => counts.failed++)
    })
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
    return line
  }

  private read(line: Line, chunk: Buffer): void {
    line.text += chunk.toString('latin1')
    const head = line.text.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(line.text.slice(0, head + 2))?.[1] ?? 0)
    if (line.text.length < head + 4 + length) return
    const status = Number(line.text.slice(9, 12))
    const closes = /\r\nconnection: close/i.test(line.text.slice(0, head + 2))
    line.text = ''
    if (closes) line.socket.destroy()
    else this.idle.push(line)
    const now = performance.now()
    const bucket = Math.min(this.outcome.slowest.length - 1, Math.floor((now - this.started) / 250))
    this.end(line, (counts, { due }) => {
      if (status === 200) {
        counts.good++
        counts.ms.push(now - due)
        this.outcome.slowest[bucket] = Math.max(this.outcome.slowest[bucket]!, now - due)
      } else if (status === 503) {
        counts.refused++
        this.outcome.refused[bucket]!++
      } else counts.failed++
    })
    if (this.phase.lanes > 0 && now < this.started + this.phase.ms) this.ask(now)
  }

  /** Nobody waits longer than that. The connection is of use again once its answer has come. */
  private giveUp(line: Line): void {
    this.end(line, (counts) => counts.late++)
  }

  private end(line: Line, count: (counts: Outcome['paths'][string], asked: Asked) => void): void {
    const { asked } = line
    if (!asked) return
    line.asked = undefined
    clearTimeout(asked.timer)
    this.open--
    count(this.outcome.paths[asked.path]!, asked)
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    void new Run(JSON.parse(line) as Phase)
      .run()
      .then((outcome) => process.stdout.write(`${JSON.stringify(outcome)}\n`))
  })
  .on('close', () => process.exit())
