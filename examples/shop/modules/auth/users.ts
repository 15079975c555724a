import { created, noContent, type Db } from 'tenfold'
import { z } from 'zod'
import { auth, type Person } from './contract.ts'
import { EmailTaken, NoAccount, WrongLogin } from './errors.ts'
import { m } from './kit.ts'
import { hashPassword, verifyPassword } from './passwords.ts'
import type { AuthTables } from './tables.gen.ts'

const Email = z.email().max(254).toLowerCase()
const Name = z.string().trim().min(1).max(100)
const Password = z.string().min(10).max(200)

const Account = z.object({
  id: z.uuid(),
  email: z.email(),
  name: z.string(),
  role: z.enum(['customer', 'admin']),
})

export const registered = m.event(auth.events.registered)

export const signedUp = m.track('signed-up')

export const signUp = m.route('POST /users', {
  summary: 'Sign up, and be signed in',
  auth: 'public',
  body: z.object({ email: Email, name: Name, password: Password }),
  reply: Account,
  limit: { by: 'ip', max: 60, per: '1m' },
  async handler({ body, db, session }) {
    const passwordHash = await hashPassword(body.password)
    const account = await db.transaction(async (tx) => {
      const user = await tx
        .insertInto('users')
        .values({ email: body.email, name: body.name, password_hash: passwordHash })
        .onConflict((conflict) => conflict.column('email').doNothing())
        .returning(['id', 'email', 'name', 'role'])
        .executeTakeFirst()
      if (!user) throw EmailTaken()
      await registered.publish({ userId: user.id, email: user.email, name: user.name }, { tx })
      return Account.parse(user)
    })
    await session.signIn({ id: account.id, role: account.role })
    void signedUp.track({}, { user: account.id, id: account.id })
    return created(account, '/me')
  },
})

export const logIn = m.route('POST /sessions', {
  summary: 'Log in',
  auth: 'public',
  body: z.object({ email: Email, password: z.string().max(200) }),
  reply: Account,
  limit: { by: 'ip', max: 20, per: '1m' },
  async handler({ body, db, session }) {
    const user = await db.selectFrom('users').selectAll().where('email', '=', body.email).executeTakeFirst()
    const right = await verifyPassword(body.password, user?.password_hash)
    if (!user || !right) throw WrongLogin()
    const account = Account.parse(user)
    await session.signIn({ id: account.id, role: account.role })
    return account
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

const Profile = Account.extend({ avatar: z.string().nullable() })

export const session = m.route('GET /sessions/mine', {
  summary: 'Who is signed in, if anybody',
  auth: 'optional',
  reply: z.object({ user: Profile.nullable() }),
  async handler({ user, db, call }) {
    return { user: user ? ((await profileOf(user.id, { db, call })) ?? null) : null }
  },
})

export const me = m.route('GET /me', {
  summary: 'The own profile',
  auth: 'user',
  reply: Profile,
  async handler({ user, db, call }) {
    const profile = await profileOf(user.id, { db, call })
    if (!profile) throw NoAccount()
    return profile
  },
})

async function profileOf(id: string, { db, call }: { db: Db<AuthTables>; call: { media: AvatarSource } }) {
  const user = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  if (!user) return undefined
  const [avatar] = await call.media.avatarsOf({ userIds: [id] })
  return { ...Account.parse(user), avatar: avatar?.medium ?? null }
}

interface AvatarSource {
  avatarsOf(input: { userIds: string[] }): Promise<{ medium: string }[]>
}

export const rename = m.route('PATCH /me', {
  summary: 'Change the own profile',
  auth: 'user',
  body: z.object({ name: Name }),
  reply: Account,
  async handler({ user, body, db }) {
    const account = await db
      .updateTable('users')
      .set({ name: body.name })
      .where('id', '=', user.id)
      .returningAll()
      .executeTakeFirst()
    if (!account) throw NoAccount()
    return Account.parse(account)
  },
})

export const implementation = m.implement(auth, {
  async peopleByIds({ input, db }) {
    if (input.ids.length === 0) return []
    const rows = await db
      .selectFrom('users')
      .select(['id', 'email', 'name', 'created_at'])
      .where('id', 'in', input.ids)
      .execute()
    return rows.map((row): z.infer<typeof Person> => ({
      id: row.id,
      email: row.email,
      name: row.name,
      since: row.created_at.toISOString(),
    }))
  },
})
