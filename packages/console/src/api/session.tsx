import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

export interface Session {
  access: 'open' | 'token'
  signedIn: boolean
}

/** What a page calls when the server says that the session is over. */
export const SignedOutContext = createContext<() => void>(() => {})

export const useSignedOut = (): (() => void) => useContext(SignedOutContext)
