import { m } from './kit.ts'
import { implementation, logIn, logOut, registered, signUp } from './sign-in.ts'

export default m.build({
  parts: [signUp, logIn, logOut, registered, implementation],
  migrations: new URL('./migrations/', import.meta.url),
})
