import { validate, type AnySchema, type InputOf, type OutputOf } from '../kernel/index.ts'
import type { Storage } from '../storage/index.ts'
import { MailInvalid, type Html } from '../mail/index.ts'

/** What a template makes of its data. */
export interface Letter {
  subject: string
  text: string
  /** Made with html`…`, which escapes what is put in, or rawHtml(…). */
  html?: Html
  attachments?: readonly { filename: string; content: Uint8Array | string; contentType?: string; cid?: string }[]
  replyTo?: string
  /** More headers, such as `List-Unsubscribe`. */
  headers?: Readonly<Record<string, string>>
}

export interface WriteContext {
  /** The module's files. */
  readonly files: Pick<Storage, 'get' | 'head'>
  readonly signal: AbortSignal
}

/** Runs in the job, for each attempt anew. It must not have effects. */
export type Write<Data> = (data: Data, context: WriteContext) => Letter | Promise<Letter>

export interface Template<Schema extends AnySchema> {
  readonly data: Schema
  readonly write: Write<OutputOf<Schema>>
}

/** A template whose data is checked, when it is sent and again in the job.
 *  @example
 *  const welcome = template(z.object({ name: z.string() }), ({ name }) => ({
 *    subject: 'Welcome',
 *    text: `Hello ${name}, your account is ready.`,
 *    html: html`<p>Hello <b>${name}</b>, your account is ready.</p>`,
 *  })) */
export function template<Schema extends AnySchema>(data: Schema, write: Write<OutputOf<Schema>>): Template<Schema> {
  return { data, write }
}

/** A plain function is a template as well; its data is not checked. */
export type Templates = Readonly<
  Record<string, Write<never> | { readonly data: AnySchema; readonly write: Write<never> }>
>

export type DataOf<T> =
  T extends Template<infer Schema>
    ? InputOf<Schema>
    : T extends (data: infer Data, ...rest: never[]) => unknown
      ? Data
      : never

/** Throws TF_MAIL_INVALID. */
export async function checkedData(name: string, of: Templates[string], data: unknown): Promise<unknown> {
  if (typeof of === 'function') return data
  const result = await validate(of.data, data)
  if (!result.ok) throw MailInvalid({ template: name, issues: result.issues })
  return result.value
}

export async function letterOf(
  name: string,
  of: Templates[string],
  data: unknown,
  context: WriteContext,
): Promise<Letter> {
  const value = await checkedData(name, of, data)
  return typeof of === 'function' ? of(value as never, context) : of.write(value as never, context)
}
