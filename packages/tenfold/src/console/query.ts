/** Reads one value of a query string each, as an object to spread: empty when it was not given, an error when it makes
 *  no sense. */
import { ConsoleBadRequest } from './errors.ts'

export type Query = URLSearchParams

export function text<Name extends string>(query: Query, name: Name): { [N in Name]?: string } {
  const value = query.get(name)
  if (!value) return {}
  if (value.length > 500) throw ConsoleBadRequest({ field: name, expected: 'at most 500 characters long' })
  return single(name, value)
}

export function number<Name extends string>(
  query: Query,
  name: Name,
  least: number,
  most: number,
): { [N in Name]?: number } {
  const given = query.get(name)
  if (!given) return {}
  const value = Number(given)
  if (!(value >= least && value <= most)) {
    throw ConsoleBadRequest({ field: name, expected: `a number from ${least} to ${most}` })
  }
  return single(name, value)
}

/** `1` and `true` mean yes. */
export function flag<Name extends string>(query: Query, name: Name): { [N in Name]?: boolean } {
  const value = query.get(name)
  return value === '1' || value === 'true' ? single(name, true) : {}
}

export function oneOf<Name extends string, Value extends string>(
  query: Query,
  name: Name,
  allowed: readonly Value[],
): { [N in Name]?: Value } {
  const given = query.get(name)
  if (!given) return {}
  const value = allowed.find((v) => v === given)
  if (value === undefined) throw ConsoleBadRequest({ field: name, expected: `one of ${allowed.join(', ')}` })
  return single(name, value)
}

function single<Name extends string, Value>(name: Name, value: Value): { [N in Name]?: Value } {
  return { [name]: value } as { [N in Name]?: Value }
}
