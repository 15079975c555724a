import { created, noContent } from 'tenfold'
import { z } from 'zod'
import { accounts, Person } from './contract.ts'
import { EmailTaken, WrongLogin } from './errors.ts'
import { m } from './kit.ts'
import { hashPassword, verifyPassword } from './passwords.ts'

const Email = z.email().max(254).toLowerCase()

export const registered = m.event(accounts.events.registered)

export const signUp = m.route('POST /accounts', {
  summary: 'Sign up, and be signed in',
  auth: 'public',
  limit: { by: 'ip', max: 20, per: '1m' },
  body: z.object({ email: Email, name: z.string().trim().min(1).max(100), password: z.string().min(10).max(200) }),
  reply: Person,
  async handler({ body, db, session }) {
    const password_hash = await hashPassword(body.password)
    const person = await db.transaction(async (tx) => {
      const row = await tx
        .insertInto('account')
        .values({ email: body.email, name: body.name, password_hash })
        .onConflict((conflict) => conflict.column('email').doNothing())
        .returning(['id', 'name'])
        .executeTakeFirst()
      if (!row) throw EmailTaken()
      const person = { id: String(row.id), name: row.name }
      await registered.publish(person, { tx })
      return person
    })
    await session.signIn({ id: person.id })
    return created(person, '/sessions/mine')
  },
})

export const logIn = m.route('POST /sessions', {
  summary: 'Log in',
  auth: 'public',
  limit: { by: 'ip', max: 20, per: '1m' },
  body: z.object({ email: Email, password: z.string().max(200) }),
  reply: Person,
  async handler({ body, db, session }) {
    const row = await db.selectFrom('account').selectAll().where('email', '=', body.email).executeTakeFirst()
    const right = await verifyPassword(body.password, row?.password_hash)
    if (!row || !right) throw WrongLogin()
    await session.signIn({ id: String(row.id) })
    return { id: String(row.id), name: row.name }
  },
})

export const logOut = m.route('DELETE /sessions/mine', {
  summary: 'Log out',
  auth: 'public',
  async handler({ session }) {
    await session.signOut()
    return noContent()
  },
})

export const implementation = m.implement(accounts, {
  async people({ input, db }) {
    if (input.ids.length === 0) return []
    const ids = input.ids.map(Number)
    const rows = await db.selectFrom('account').select(['id', 'name']).where('id', 'in', ids).execute()
    return rows.map(({ id, name }) => ({ id: String(id), name }))
  },
})
