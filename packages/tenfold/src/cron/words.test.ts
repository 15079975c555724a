import assert from 'node:assert/strict'
import { it } from 'node:test'
import { describeSchedule } from './words.ts'

const WORDS: Record<string, string> = {
  '* * * * *': 'every minute',
  '*/5 * * * *': 'every 5 minutes',
  '0 * * * *': 'at minute 0 of every hour',
  '@hourly': 'at minute 0 of every hour',
  '0 4 * * *': 'at 04:00',
  '30 9,17 * * 1-5': 'at 09:30 and 17:30 on Monday to Friday',
  '0 0 1 * *': 'at 00:00 on day 1 of the month',
  '0 0 L * *': 'at 00:00 on the last day of the month',
  '0 0 1 1,7 *': 'at 00:00 on day 1 of the month in January and July',
  '15 10 * * MON#2': 'at 10:15 on number 2 Monday',
  '* * * * * *': 'every second',
  '*/10 * * * * *': 'every 10 seconds',
  '5 0 4 * * *': 'at 04:00:05',
  '*/15 8-18 * * *': 'every 15 minutes of hours 8 to 18',
  '* 3 * * *': 'every minute between 03:00 and 03:59',
  '@weekly': 'at 00:00 on Sunday',
}

for (const [schedule, words] of Object.entries(WORDS)) {
  it(`'${schedule}' is ${words}`, () => assert.equal(describeSchedule(schedule), words))
}
