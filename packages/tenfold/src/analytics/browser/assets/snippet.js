/* Product analytics of this site, by itself for itself: no cookie, no other host.
   <script defer src="/_e.js"></script>   tenfold('signed up', { plan: 'pro' })
   With data-consent="required" nothing is kept or sent before tenfold.consent(true). */
;(() => {
  const script = document.currentScript
  const url = new URL(script.src).pathname.replace(/\.js$/, '')
  const store = (key, value) => {
    try {
      if (value === undefined) return localStorage.getItem(key)
      localStorage.setItem(key, value)
    } catch {}
  }
  const uuid = () => {
    const random = crypto.getRandomValues(new Uint8Array(16))
    const time = Date.now()
    for (let i = 0; i < 6; i++) random[i] = Math.floor(time / 2 ** (40 - 8 * i)) % 256
    random[6] = (random[6] & 15) | 112
    random[8] = (random[8] & 63) | 128
    return [...random].map((b, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + b.toString(16).padStart(2, '0')).join('')
  }
  const consent = () => {
    const said = store('_e.consent')
    if (said) return said === 'yes'
    return script.dataset.consent !== 'required' && !navigator.globalPrivacyControl && navigator.doNotTrack !== '1'
  }
  let anonymous = store('_e.id')
  let queue = []
  let seq = 0
  let timer
  let pause = 5e3

  const send = (leaving) => {
    clearTimeout(timer)
    timer = undefined
    if (!queue.length) return
    const events = queue.splice(0, 20)
    const body = JSON.stringify({ sentAt: Date.now(), anonymous, events })
    const again = () => {
      queue = events.concat(queue).slice(0, 500)
      pause = Math.min(pause * 2, 3e5)
      later()
    }
    if (leaving) {
      if (!navigator.sendBeacon(url, new Blob([body], { type: 'application/json' }))) queue = events.concat(queue)
      return
    }
    fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' }, keepalive: true }).then(
      async (answer) => {
        if (answer.status >= 500 || answer.status === 429) return again()
        pause = 5e3
        if (answer.status === 200 && (await answer.json()).reset) store('_e.id', (anonymous = uuid()))
        if (queue.length) later()
      },
      again,
    )
  }
  const later = () => {
    if (queue.length >= 20 && pause === 5e3) send()
    else timer ??= setTimeout(send, pause)
  }
  const tenfold = (name, properties) => {
    if (!consent()) return
    if (!anonymous) store('_e.id', (anonymous = uuid()))
    queue.push({ id: uuid(), name, at: Date.now(), seq: seq++, properties })
    later()
  }
  tenfold.consent = (yes) => {
    store('_e.consent', yes ? 'yes' : 'no')
    if (yes) return view()
    queue = []
    store('_e.id', (anonymous = ''))
  }
  let shown
  const view = () => {
    // A page that routes by `#/…` has its pages there; other anchors are places on one page.
    const path = location.pathname + (location.hash.startsWith('#/') ? location.hash.split('?')[0] : '')
    if (path === shown) return
    const from = shown || !document.referrer ? '' : new URL(document.referrer).host
    shown = path
    const properties = { path }
    if (from && from !== location.host) properties.referrer = from
    for (const [key, value] of new URLSearchParams(location.search)) if (/^utm_\w+$/.test(key)) properties[key] = value
    tenfold('page_view', properties)
  }
  const { pushState } = history
  history.pushState = function (...given) {
    pushState.apply(this, given)
    view()
  }
  addEventListener('popstate', view)
  addEventListener('hashchange', view)
  // Hidden is the last state that a phone surely reports; leaving by a link hides nothing before it unloads.
  addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && send(true))
  addEventListener('pagehide', () => send(true))
  window.tenfold = tenfold
  view()
})()
