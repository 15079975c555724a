/** Who is asking. An app adds its own facts by declaration merging:
 *  @example
 *  declare module 'tenfold' { interface User { plan: 'free' | 'pro' } } */
export interface User {
  id: string
  /** Checked by routes with `auth: { role: … }`. */
  role?: string
}
