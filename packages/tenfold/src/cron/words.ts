/** A schedule in words, for lists: `0 4 * * 1-5` is "at 04:00 on Monday to Friday". */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const MONTHS = [
  '',
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const NICKNAMES: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

export function describeSchedule(schedule: string): string {
  const fields = (NICKNAMES[schedule.toLowerCase()] ?? schedule).trim().split(/\s+/)
  const [second, minute, hour, day, month, weekday] = (fields.length === 6 ? fields : ['0', ...fields]) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  return [timeOf(second, minute, hour), daysOf(day, weekday), month === '*' ? '' : `in ${spoken(month, nameOfMonth)}`]
    .filter(Boolean)
    .join(' ')
}

function timeOf(second: string, minute: string, hour: string): string {
  const seconds = second === '0' ? '' : `${unitOf(second, 'second')}`
  if (isNumber(minute) && hour.split(',').every(isNumber)) {
    const times = hour
      .split(',')
      .map((h) => `${two(h)}:${two(minute)}${isNumber(second) && second !== '0' ? `:${two(second)}` : ''}`)
    const at = `at ${inWords(times)}`
    return isNumber(second) ? at : `${seconds} ${at}`
  }
  const parts = [seconds]
  if (minute !== '*' || !seconds) parts.push(unitOf(minute, 'minute'))
  if (hour !== '*')
    parts.push(isNumber(hour) ? `between ${two(hour)}:00 and ${two(hour)}:59` : `of ${unitOf(hour, 'hour')}`)
  else if (!minute.startsWith('*')) parts.push('of every hour')
  return parts.filter(Boolean).join(' ')
}

/** `every minute`, `every 5 minutes`, `at minute 0`, `minutes 0 to 10`. */
function unitOf(field: string, unit: string): string {
  if (field === '*' || field === '*/1') return `every ${unit}`
  const step = /^\*\/(\d+)$/.exec(field)
  if (step) return `every ${step[1]} ${unit}s`
  return isNumber(field) ? `at ${unit} ${field}` : `${unit}s ${spoken(field, (value) => value)}`
}

function daysOf(day: string, weekday: string): string {
  const parts: string[] = []
  if (day !== '*' && day !== '?') {
    const step = /^\*\/(\d+)$/.exec(day)
    const spokenDay = day.toUpperCase() === 'L' ? 'on the last day' : `on day ${spoken(day, (value) => value)}`
    parts.push(step ? `every ${step[1]} days` : `${spokenDay} of the month`)
  }
  if (weekday !== '*' && weekday !== '?') parts.push(`on ${spoken(weekday, nameOfDay)}`)
  return parts.join(' or ')
}

function spoken(field: string, name: (value: string) => string): string {
  const parts = field.split(',').map((part) => {
    const [range, step] = part.split('/') as [string, string | undefined]
    const [from, to] = range.split('-') as [string, string | undefined]
    const words = to === undefined ? name(from) : `${name(from)} to ${name(to)}`
    return step ? `every ${step} of ${range === '*' ? 'all' : words}` : words
  })
  return inWords(parts)
}

function nameOfDay(value: string): string {
  const [day, nth] = value.split('#') as [string, string | undefined]
  const at = isNumber(day)
    ? Number(day)
    : DAYS.findIndex((name) => name.slice(0, 3).toLowerCase() === day.toLowerCase())
  return `${nth ? (nth.toUpperCase() === 'L' ? 'the last ' : `number ${nth} `) : ''}${DAYS[at] ?? value}`
}

function nameOfMonth(value: string): string {
  const at = isNumber(value)
    ? Number(value)
    : MONTHS.findIndex((name) => name !== '' && name.slice(0, 3).toLowerCase() === value.toLowerCase())
  return MONTHS[at] ?? value
}

function inWords(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

const isNumber = (field: string): boolean => /^\d+$/.test(field)
const two = (value: string): string => value.padStart(2, '0')
