import { styleText } from 'node:util'
import type { LogDestination } from './logger.ts'

type Style = Parameters<typeof styleText>[0]

/** What is the same on every line of a process, or an address that only programs follow. */
const HIDDEN = new Set(['level', 'time', 'msg', 'service', 'version', 'env', 'instance', 'trace_id', 'span_id'])
/** The fields of a request that its line has in words. */
const OF_REQUESTS = new Set(['requestId', 'method', 'path', 'status', 'ms', 'bytes', 'ip', 'userId', 'code'])
const COLOURS: Readonly<Record<string, Style>> = {
  trace: 'gray',
  debug: 'gray',
  warn: 'yellow',
  error: 'red',
  fatal: ['bgRed', 'white'],
}

/** Lines for people, in colour: for development on a terminal. A request is one line, and so is what is only told; what warns
 *  has its fields below it, each on a line, and its trace. */
export function prettyOutput(write = (text: string): void => void process.stdout.write(text)): LogDestination {
  return { write: (line) => write(`${prettyLine(line)}\n`) }
}

function prettyLine(line: string): string {
  const fields = JSON.parse(line) as Record<string, unknown>
  const { level, time, msg } = fields
  const at = styleText('gray', clockTime(Number(time)))
  if (isRequest(fields)) return `${at} ${requestLine(fields)}`
  const colour = COLOURS[String(level)]
  const said = indented(textOf(String(msg)))
  const text = colour ? styleText(colour, `${String(level).toUpperCase()} ${said}`) : said
  const warns = level !== 'info' && level !== 'debug' && level !== 'trace'
  const shown = Object.entries(fields).filter(([name]) => !HIDDEN.has(name) || (warns && name === 'trace_id'))
  const below = warns ? shown : []
  const beside = warns ? [] : shown.map(([name, value]) => `${name}=${oneLine(value)}`)
  return [
    [`${at} ${text}`, ...(beside.length > 0 ? [styleText('gray', beside.join(' '))] : [])].join('  '),
    ...below.map(([name, value]) => `    ${styleText('gray', `${name}:`)} ${indented(textOf(value))}`),
  ].join('\n')
}

/** Lines of the app's own may have some of these fields, too. */
function isRequest({ requestId, method, path, status, ms }: Record<string, unknown>): boolean {
  const texts = [requestId, method, path].every((field) => typeof field === 'string')
  return texts && typeof status === 'number' && typeof ms === 'number'
}

/** `GET /rooms/7 404  3.1 ms  TF_NOT_FOUND  user 4` */
function requestLine(fields: Record<string, unknown>): string {
  const status = Number(fields['status'])
  const colour: Style = status >= 500 ? 'red' : status >= 400 ? 'yellow' : status >= 300 ? 'cyan' : 'green'
  const rest = Object.entries(fields).filter(([name]) => !HIDDEN.has(name) && !OF_REQUESTS.has(name))
  const details = [
    `${Number(fields['ms']).toFixed(1)} ms`,
    fields['code'],
    fields['userId'] !== undefined && `user ${textOf(fields['userId'])}`,
    // By it, what else was said of the request is found.
    status >= 500 && `request ${textOf(fields['requestId'])}`,
    ...rest.map(([name, value]) => `${name}=${oneLine(value)}`),
  ].filter(Boolean)
  const what = `${String(fields['method'])} ${oneLine(String(fields['path']))}`
  return `${what} ${styleText(colour, String(status))}  ${styleText('gray', details.join('  '))}`
}

function clockTime(ms: number): string {
  const date = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** What others sent may hold codes that move the cursor: they are shown, not obeyed. */
function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.replace(/(?!\n)\p{Cc}/gu, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function oneLine(value: unknown): string {
  return textOf(value).replaceAll('\n', '\\n')
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n      ')
}
