/** Raw connections to a server, and what came back. */
import { connect, type Socket } from 'node:net'

/** Sends bytes and reads until the server closes or is silent for `ms`. */
export function talk(port: number, bytes: string, ms: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const end = (): void => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(ms, end)
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('error', () => {})
    socket.on('close', end)
    socket.write(bytes, 'latin1')
  })
}

/** A kept connection that asks one thing after the other. */
export class Lane {
  private readonly port: number
  private socket: Socket | undefined
  private text = ''
  private answered: ((status: number) => void) | undefined

  constructor(port: number) {
    this.port = port
  }

  /** The status of the answer; 0 when the connection was cut without one. */
  ask(path: string, type: string, body: string): Promise<number> {
    return new Promise((resolve) => {
      this.answered = resolve
      const bytes = Buffer.from(body)
      const head = `POST ${path} HTTP/1.1\r\nHost: shop\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n\r\n`
      this.open().write(Buffer.concat([Buffer.from(head, 'latin1'), bytes]))
    })
  }

  close(): void {
    this.answered = undefined
    this.socket?.destroy()
  }

  private open(): Socket {
    if (this.socket && !this.socket.destroyed && this.socket.writable) return this.socket
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true })
    this.text = ''
    socket.on('data', (chunk: Buffer) => this.read(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.socket === socket && this.done(0))
    return (this.socket = socket)
  }

  private read(chunk: Buffer): void {
    this.text += chunk.toString('latin1')
    const head = this.text.indexOf('\r\n\r\n')
    if (head < 0) return
    const headers = this.text.slice(0, head + 2)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(headers)?.[1] ?? 0)
    if (this.text.length < head + 4 + length) return
    const status = Number(headers.slice(9, 12))
    this.text = this.text.slice(head + 4 + length)
    if (/\r\nconnection: close/i.test(headers)) {
      this.socket?.destroy()
      this.socket = undefined
    }
    this.done(status)
  }

  private done(status: number): void {
    const { answered } = this
    this.answered = undefined
    answered?.(status)
  }
}
