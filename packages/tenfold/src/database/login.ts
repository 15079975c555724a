/** While SECRET_KEY is being changed, the server takes the passwords of one key, and a process cannot know of which. */

/** Logs in as a role with what the server took last, else with the others in turn.
 *  @param connect is given how many passwords of this role were refused so far, for `Credentials`
 *  @param role where there are several */
export type Login = <T>(connect: (refused: number) => Promise<T>, role?: string) => Promise<T>

/** @param keys how many passwords there are to try
 *  @example
 *  const login = createLogin(2)
 *  const client = await login((refused) => connect(credentials('shop_orders', refused)), 'shop_orders') */
export function createLogin(keys: number): Login {
  const refusals = new Map<string, number>()
  return async (connect, role = '') => {
    for (let tries = 1; ; tries++) {
      const refused = refusals.get(role) ?? 0
      try {
        return await connect(refused)
      } catch (error) {
        if (!isWrongPassword(error)) throw error
        // Not one more than now: others may have been refused with it at the same time.
        refusals.set(role, refused + 1)
        if (tries >= keys) throw error
      }
    }
  }
}

/** PgBouncer has no code of its own for it. */
function isWrongPassword(error: unknown): boolean {
  const { code, message = '' } = error as { code?: unknown; message?: string }
  return code === '28P01' || (code === '08P01' && /\bauth/i.test(message))
}
