import { useState } from 'preact/hooks'
import { act, type ApiFailure } from '../api/client.ts'

export function Login({ onSignedIn }: { onSignedIn(): void }) {
  const [failure, setFailure] = useState<ApiFailure>()
  const [busy, setBusy] = useState(false)

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const token = new FormData(event.target as HTMLFormElement).get('token')
    setBusy(true)
    try {
      await act('POST', '/session', { token })
      onSignedIn()
    } catch (error) {
      setFailure(error as ApiFailure)
    } finally {
      setBusy(false)
    }
  }
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <h1>tenfold console</h1>
        <label>
          <span>Token</span>
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            required
            autofocus
            aria-describedby="login-says"
            aria-invalid={failure !== undefined}
          />
        </label>
        <p id="login-says" class={failure ? 'trouble' : 'note'} role={failure ? 'alert' : undefined}>
          {failure
            ? failure.message
            : 'The value of TENFOLD_CONSOLE_TOKEN that the app was started with, or of TENFOLD_CONSOLE_READ_TOKEN to look only.'}
        </p>
        <button type="submit" class="button primary" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  )
}
