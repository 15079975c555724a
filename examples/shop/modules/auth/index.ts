import { m } from './kit.ts'
import { implementation, logIn, logOut, me, registered, rename, session, signedUp, signUp } from './users.ts'

export default m.build({
  parts: [signUp, signedUp, logIn, logOut, session, me, rename, registered, implementation],
  migrations: new URL('./migrations/', import.meta.url),
})
