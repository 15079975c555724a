/** The client is generated from the app's OpenAPI document; its types are at /client.d.ts. */
import { createClient } from '/client.js'

export const api = createClient()

/** Who is signed in; null for nobody. */
export async function whoAmI() {
  return (await api('GET /sessions/mine')).user
}
