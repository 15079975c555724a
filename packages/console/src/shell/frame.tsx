import type { ComponentChildren } from 'preact'
import { useLocation } from 'preact-iso'
import { useEffect, useState } from 'preact/hooks'
import type { Overview } from '../../../tenfold/src/inspect/api.ts'
import { act } from '../api/client.ts'
import { useLive } from '../api/live.tsx'
import type { Session } from '../api/session.tsx'
import { useApi } from '../api/use-api.ts'
import { timeZone } from '../parts/format.ts'
import { isAt, PLACES } from './navigation.ts'
import { Shortcuts } from './shortcuts.tsx'
import type { useThemeChoice } from './theme.ts'

interface FrameProps {
  session: Session
  theme: ReturnType<typeof useThemeChoice>
  onSignedOut(): void
  children: ComponentChildren
}

/** What stands around every page: the menu, live updates, theme, keys. */
export function Frame({ session, theme, onSignedOut, children }: FrameProps) {
  const { path } = useLocation()
  const [keys, setKeys] = useState(false)
  const { data: app } = useApi<Overview>('/overview?minutes=1', { live: false })
  const places = PLACES.filter((place) => !place.notInProduction || (app && app.env !== 'production'))
  const here = PLACES.find((place) => isAt(place, path))

  useEffect(() => {
    document.title = [here?.name, app?.app, 'tenfold'].filter(Boolean).join(' · ')
  }, [here, app?.app])
  // On a phone the menu scrolls sideways.
  useEffect(() => {
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [path, places.length])
  const signOut = (): void => void act('DELETE', '/session').finally(onSignedOut)

  return (
    <div class={session.role === 'read' ? 'frame read-only' : 'frame'}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="side">
        <div class="brand">
          <strong>{app?.app ?? '…'}</strong>
          <span>{app ? `${app.env} · ${app.version}` : ''}</span>
        </div>
        <nav aria-label="Pages">
          {places.map((place) => (
            <a key={place.href} href={place.href} aria-current={isAt(place, path) ? 'page' : undefined}>
              {place.name}
            </a>
          ))}
        </nav>
        <div class="side-tools">
          <LiveButton />
          <button type="button" class="tool" onClick={theme.next} aria-label={`Theme: ${theme.choice}. Change it`}>
            Theme <span class="tool-value">{theme.choice}</span>
          </button>
          <button type="button" class="tool keys" onClick={() => setKeys(true)} title="Keyboard shortcuts">
            Keys <kbd>?</kbd>
          </button>
          {session.access === 'token' && (
            <button type="button" class="tool" onClick={signOut}>
              Sign out
            </button>
          )}
          {session.role === 'read' && <p class="zone">For looking only</p>}
          <p class="zone">Times: {timeZone()}</p>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
        <p class="zone below">Times: {timeZone()}</p>
      </main>
      <Shortcuts open={keys} onToggle={setKeys} />
    </div>
  )
}

function LiveButton() {
  const { status, toggle } = useLive()
  const words = { live: 'Live', paused: 'Paused', away: 'No answer' }[status]
  return (
    <button type="button" class={`tool live ${status}`} onClick={toggle} aria-pressed={status === 'paused'}>
      <i aria-hidden="true" />
      {words} <span class="tool-value">{status === 'paused' ? 'resume' : 'pause'}</span>
    </button>
  )
}
