import { noContent } from 'tenfold'
import { z } from 'zod'
import { Avatar, media } from './contract.ts'
import { NotAnImage } from './errors.ts'
import { m } from './kit.ts'
import { checkImage, resized, SIZES } from './images.ts'

const State = z.object({
  /** `none`, `processing` (older pictures may still be there), `ready`, or `failed`. */
  state: z.enum(['none', 'processing', 'ready', 'failed']),
  pictures: Avatar.nullable(),
})

export const upload = m.route('PUT /me/avatar', {
  summary: 'Upload an avatar',
  description: 'The bytes of an image as the body. Its sizes are made a moment later: ask GET /me/avatar.',
  auth: 'user',
  body: 'stream',
  bodyLimit: 10 * 1024 * 1024,
  limit: { by: 'user', max: 30, per: '1h' },
  status: 202,
  reply: State,
  async handler({ user, body, files, db, signal, now }) {
    const id = crypto.randomUUID()
    await files.put(uploadOf(id), body, { contentType: 'application/octet-stream', maxBytes: 10 * 1024 * 1024, signal })
    const problem = await checkImage((await files.get(uploadOf(id))).body)
    if (problem) {
      await files.delete(uploadOf(id))
      throw NotAnImage({ problem })
    }
    const ready = await db.transaction(async (tx) => {
      const row = await tx
        .insertInto('avatars')
        .values({ user_id: user.id, upload: id })
        .onConflict((conflict) =>
          conflict.column('user_id').doUpdateSet({ upload: id, problem: null, changed_at: now() }),
        )
        .returning('ready')
        .executeTakeFirstOrThrow()
      await resize.enqueue({ userId: user.id, upload: id }, { tx })
      return row.ready
    })
    return { state: 'processing', pictures: ready ? await linksTo(files, user.id, ready) : null }
  },
})

export const resize = m.job('resize', {
  input: z.object({ userId: z.uuid(), upload: z.uuid() }),
  attempts: 4,
  timeout: '1m',
  async run({ input: { userId, upload }, db, files, lastAttempt, signal }) {
    const row = await db.selectFrom('avatars').selectAll().where('user_id', '=', userId).executeTakeFirst()
    if (row?.upload !== upload) return void (await files.delete(uploadOf(upload))) // a newer upload has taken its place
    try {
      const original = await bytesOf((await files.get(uploadOf(upload))).body)
      for (const [size, pixels] of Object.entries(SIZES)) {
        const picture = await resized(original, pixels)
        await files.put(pictureOf(userId, upload, size), picture, { contentType: 'image/webp', signal })
      }
    } catch (error) {
      if (lastAttempt) await finish({ upload: null, problem: 'it could not be read' })
      throw error
    }
    await finish({ upload: null, ready: upload, problem: null })
    await files.delete(uploadOf(upload))
    if (row.ready) for (const size of Object.keys(SIZES)) await files.delete(pictureOf(userId, row.ready, size))

    async function finish(set: { upload: null; ready?: string; problem: string | null }): Promise<void> {
      await db.updateTable('avatars').set(set).where('user_id', '=', userId).where('upload', '=', upload).execute()
    }
  },
})

export const show = m.route('GET /me/avatar', {
  summary: 'The own avatar, and how far it is',
  auth: 'user',
  reply: State,
  async handler({ user, db, files }) {
    const row = await db.selectFrom('avatars').selectAll().where('user_id', '=', user.id).executeTakeFirst()
    const pictures = row?.ready ? await linksTo(files, user.id, row.ready) : null
    const state = row?.upload ? 'processing' : row?.problem ? 'failed' : pictures ? 'ready' : 'none'
    return { state, pictures }
  },
})

export const remove = m.route('DELETE /me/avatar', {
  summary: 'Remove the own avatar',
  auth: 'user',
  async handler({ user, db, files }) {
    const row = await db.deleteFrom('avatars').where('user_id', '=', user.id).returningAll().executeTakeFirst()
    if (row?.ready) for (const size of Object.keys(SIZES)) await files.delete(pictureOf(user.id, row.ready, size))
    return noContent()
  },
})

export const implementation = m.implement(media, {
  async avatarsOf({ input: { userIds }, db, files }) {
    if (userIds.length === 0) return []
    const rows = await db
      .selectFrom('avatars')
      .select(['user_id', 'ready'])
      .where('user_id', 'in', userIds)
      .where('ready', 'is not', null)
      .execute()
    return Promise.all(
      rows.map(async (row) => ({ userId: row.user_id, ...(await linksTo(files, row.user_id, row.ready!)) })),
    )
  },
})

interface Signer {
  signedUrl(key: string, options: { method: 'GET'; expiresIn: '1h' }): Promise<string>
}

async function linksTo(files: Signer, userId: string, upload: string): Promise<z.infer<typeof Avatar>> {
  const link = (size: keyof typeof SIZES): Promise<string> =>
    files.signedUrl(pictureOf(userId, upload, size), { method: 'GET', expiresIn: '1h' })
  const [small, medium, large] = await Promise.all([link('small'), link('medium'), link('large')])
  return { small, medium, large }
}

function uploadOf(upload: string): string {
  return `uploads/${upload}`
}

function pictureOf(userId: string, upload: string, size: string): string {
  return `avatars/${userId}/${upload}/${size}.webp`
}

async function bytesOf(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}
