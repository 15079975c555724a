import type { ApiError } from '../../../tenfold/src/inspect/api.ts'

/** An answer that was not what was asked for, in words for the person at the screen. */
export class ApiFailure extends Error {
  readonly status: number
  readonly code: string
  readonly fix: string

  constructor(status: number, { code, message, fix }: ApiError) {
    super(message)
    this.status = status
    this.code = code
    this.fix = fix
  }
}

/** GET of `/api` + `path`. */
export function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  return call(path, { signal: signal ?? null })
}

/** An action. The header is what tells the server that it was one of its own pages. */
export function act<T>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const headers = { 'x-tenfold-console': '1', 'content-type': 'application/json' }
  return call(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) })
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(`/api${path}`, init).catch((error: unknown) => {
    if (init.signal?.aborted) throw error
    throw new ApiFailure(0, {
      code: '',
      message: 'The app does not answer.',
      fix: 'Is it still running? This page goes on as soon as it is back.',
    })
  })
  const value: unknown = await response.json().catch(() => undefined)
  if (response.ok) return value as T
  throw new ApiFailure(response.status, isApiError(value) ? value : unexpected(response.status))
}

function isApiError(value: unknown): value is ApiError {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value
}

function unexpected(status: number): ApiError {
  return { code: '', message: `The answer was ${status}.`, fix: 'A proxy in front of the console may have given it.' }
}

/** `path?a=1&b=2` of those parameters that have a value. */
export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(key, `${value}`)
  return search.size > 0 ? `${path}?${search}` : path
}
