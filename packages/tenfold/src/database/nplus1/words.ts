/** The only place with sentences about these findings: log, console, tests and command line all say the same. */
import { placeOf, type DatabaseFinding, type NPlusOne, type RepeatRead } from './findings.ts'

export interface Words {
  title: string
  says: string
  fix: string
}

/** @example
 *  wordsOf(finding).title    // 'N+1: select … where id = ? ran 50 times in GET /posts' */
export function wordsOf(finding: DatabaseFinding): Words {
  return finding.code === 'n-plus-one' ? wordsOfNPlusOne(finding) : wordsOfRepeatRead(finding)
}

/** All of it on a few lines, for a log or a failed test. */
export function tell(finding: DatabaseFinding): string {
  const { title, says, fix } = wordsOf(finding)
  const { callSite } = finding
  const place = callSite ? `  at ${placeOf(callSite)}${callSite.function ? ` (${callSite.function})` : ''}\n` : ''
  return `${title}\n${place}  ${says}\n  Fix: ${fix}`
}

function wordsOfNPlusOne(finding: NPlusOne): Words {
  const { origin, times, query, source, what } = finding
  const verb = what === 'call' ? 'was called' : 'ran'
  const from =
    source.kind === 'query'
      ? `the result of: ${shorten(source.query)}`
      : source.kind === 'call'
        ? `the result of ${source.query}`
        : source.query
  return {
    title: `N+1 in ${origin.name}: one ${what === 'call' ? 'call' : 'query'} for each row, ${times} times`,
    says: `${shorten(query)} ${verb} ${times} times, once for each ${source.column ? `'${source.column}'` : 'value'} in ${from}`,
    fix: fixOf(finding),
  }
}

/** What belongs to no module is of an app that is not made with us, and has no such thing. */
function loaderOf({ module }: { module: string }): string {
  return module === '' ? 'a loader (such as `dataloader`)' : 'a loader (`m.loader`)'
}

function fixOf(finding: NPlusOne): string {
  const { what, column, query, source } = finding
  const values = source.column ? `all values of '${source.column}'` : 'all values'
  if (what === 'call') {
    return `Declare ${query} with \`batch: true\` in its contract and call it for ${values} at once, so that the calls of one tick become one.`
  }
  if (what === 'write') {
    return /^\s*insert/i.test(query)
      ? `Collect the rows and insert them with one statement: \`values([…])\` takes an array.`
      : `Write all rows with one statement: \`where ${column ?? 'id'} = any($1)\` for ${values}, or \`from unnest(…)\` where each row gets a value of its own.`
  }
  return `Ask once for ${values}: \`where ${column ?? 'id'} = any($1)\`, a join in the first query, or ${loaderOf(finding)} where the rows are needed in many places.`
}

function wordsOfRepeatRead(finding: RepeatRead): Words {
  const { origin, times, query } = finding
  return {
    title: `The same read again and again in ${origin.name}`,
    says: `${shorten(query)} ran ${times} times with the same parameters, and nothing had been written in between.`,
    fix: `Read it once and pass the result on, or keep it in ${loaderOf(finding)}, which asks once in a request.`,
  }
}

function shorten(query: string): string {
  return query.length <= 160 ? query : `${query.slice(0, 157)}…`
}
