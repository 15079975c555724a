import { created, defineError, sql, type Selectable } from 'tenfold'
import { z } from 'zod'
import { accounts } from '../accounts/contract.ts'
import { m } from './kit.ts'
import { countFinished } from './score.ts'
import type { TasksTables } from './tables.gen.ts'

const Task = z.object({ id: z.string(), title: z.string(), done: z.boolean() })

const NoTask = defineError('APP_NO_TASK', {
  status: 404,
  says: () => 'There is no such task.',
  fix: 'List your tasks with GET /tasks.',
})

export const add = m.route('POST /tasks', {
  summary: 'Add a task',
  auth: 'user',
  body: z.object({ title: z.string().trim().min(1).max(200) }),
  reply: Task,
  async handler({ body, user, db }) {
    const row = await db
      .insertInto('task')
      .values({ owner: user.id, title: body.title })
      .returningAll()
      .executeTakeFirstOrThrow()
    return created(taskOf(row), `/tasks/${row.id}`)
  },
})

export const list = m.route('GET /tasks', {
  summary: 'Your tasks, newest first',
  auth: 'user',
  query: z.object({ before: z.coerce.number().int().positive().optional() }),
  reply: z.array(Task),
  async handler({ query, user, db }) {
    const rows = await db
      .selectFrom('task')
      .selectAll()
      .where('owner', '=', user.id)
      .$if(query.before !== undefined, (tasks) => tasks.where('id', '<', query.before!))
      .orderBy('id', 'desc')
      .limit(50)
      .execute()
    return rows.map(taskOf)
  },
})

export const finish = m.route('POST /tasks/:id/finish', {
  summary: 'Finish a task',
  auth: 'user',
  params: z.object({ id: z.coerce.number().int().positive() }),
  reply: Task,
  handler: ({ params, user, db }) =>
    db.transaction(async (tx) => {
      const row = await tx
        .updateTable('task')
        .set({ done_at: sql`coalesce(done_at, now())` })
        .where('id', '=', params.id)
        .where('owner', '=', user.id)
        .returningAll()
        .executeTakeFirst()
      if (!row) throw NoTask()
      await countFinished.enqueue({ owner: user.id }, { tx }) // runs if and only if this commits
      return taskOf(row)
    }),
})

/** Everybody who signs up has something to do. */
export const welcome = m.on(accounts.events.registered, 'welcome', {
  async run({ event, db }) {
    await db
      .insertInto('task')
      .values({ owner: event.id, title: `Look around, ${event.name}` })
      .execute()
  },
})

function taskOf(row: Selectable<TasksTables['task']>): z.infer<typeof Task> {
  return { id: String(row.id), title: row.title, done: row.done_at !== null }
}
