import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'

export type ThemeChoice = 'system' | 'light' | 'dark'

/** Which one is on now: charts draw themselves anew when it changes. */
export const ThemeContext = createContext<'light' | 'dark'>('light')
export const useTheme = (): 'light' | 'dark' => useContext(ThemeContext)

const KEY = 'tenfold.theme'

export function useThemeChoice(): { choice: ThemeChoice; theme: 'light' | 'dark'; next(): void } {
  const [choice, setChoice] = useState<ThemeChoice>(stored)
  const [systemDark, setSystemDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)

  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)')
    const changed = (): void => setSystemDark(media.matches)
    media.addEventListener('change', changed)
    return () => media.removeEventListener('change', changed)
  }, [])
  const next = (): void => {
    const following = ({ system: 'light', light: 'dark', dark: 'system' } as const)[choice]
    setChoice(following)
    apply(following)
  }
  const theme = choice === 'system' ? (systemDark ? 'dark' : 'light') : choice
  return { choice, theme, next }
}

function stored(): ThemeChoice {
  const { theme } = document.documentElement.dataset
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}

function apply(choice: ThemeChoice): void {
  const root = document.documentElement
  if (choice === 'system') delete root.dataset['theme']
  else root.dataset['theme'] = choice
  try {
    choice === 'system' ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, choice)
  } catch {
    // Storage is turned off: the choice holds until the page is closed.
  }
}
