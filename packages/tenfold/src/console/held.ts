/** What the app holds of people: their sessions, and files; as addresses of the API.
 *
 *    GET  /api/sessions?user=                 SessionRow[]   the live ones of one user
 *    POST /api/sessions/:user/:ref/end        { done }
 *    POST /api/sessions/:user/end             { ended }      all of them
 *    GET  /api/files?prefix=&after=           FilesPage */
import type { Session, Sessions } from '../sessions/index.ts'
import type { Page, Storage } from '../storage/index.ts'
import type { ApiRoute } from './api.ts'
import { ConsoleBadRequest, ConsoleNotFound } from './errors.ts'
import { text } from './query.ts'

/** Without what the app keeps in it. */
export type SessionRow = Omit<Session, 'data' | 'userId'>
export type FilesPage = Page

/** What the console may do with sessions: it never learns the id of one. */
export type HeldSessions = Pick<Sessions, 'list' | 'revokeListed' | 'revokeAll'>
export type HeldFiles = Pick<Storage, 'list'>

const FILES_AT_ONCE = 100

export const HELD_ROUTES: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: /^\/sessions$/,
    answer: async ({ sessions }, query) => {
      const { user } = text(query, 'user')
      if (user === undefined) throw ConsoleBadRequest({ field: 'user', expected: 'the id of a user' })
      const live = await there(sessions, 'sessions').list(user)
      return live.map(({ data: _data, userId: _userId, ...row }): SessionRow => row)
    },
  },
  {
    method: 'POST',
    path: /^\/sessions\/([^/]{1,200})\/end$/,
    action: 'end all sessions of user',
    answer: async ({ sessions }, _query, user = '') => ({ ended: await there(sessions, 'sessions').revokeAll(user) }),
  },
  {
    method: 'POST',
    path: /^\/sessions\/([^/]{1,200})\/([^/]{1,100})\/end$/,
    action: 'end session of user',
    answer: async ({ sessions }, _query, user = '', ref = '') => ({
      done: await there(sessions, 'sessions').revokeListed(user, ref),
    }),
  },
  {
    method: 'GET',
    path: /^\/files$/,
    answer: async ({ files }, query): Promise<FilesPage> => {
      const { prefix = '', after } = { ...text(query, 'prefix'), ...text(query, 'after') }
      return there(files, 'files').list(prefix, { limit: FILES_AT_ONCE, ...(after !== undefined && { after }) })
    },
  },
]

function there<Part>(part: Part | undefined, what: string): Part {
  if (!part) throw ConsoleNotFound({ what: `${what} in this console` })
  return part
}
