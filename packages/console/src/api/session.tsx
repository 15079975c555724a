import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

export interface Session {
  access: 'open' | 'token'
  signedIn: boolean
  /** `read`: everything can be seen, and nothing can be done. */
  role?: 'full' | 'read'
}

/** What a page calls when the server says that the session is over. */
export const SignedOutContext = createContext<() => void>(() => {})

export const useSignedOut = (): (() => void) => useContext(SignedOutContext)
