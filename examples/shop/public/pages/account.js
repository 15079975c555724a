import { api } from '../api.js'
import { field, form, h, toast } from '../dom.js'

export async function account({ user, refresh, go, leave }) {
  const picture = h('img', { class: 'avatar', src: user.avatar ?? '/icon.svg', alt: 'Your avatar' })
  const file = h('input', { type: 'file', accept: 'image/*', onchange: upload, 'aria-label': 'A new avatar' })
  return h(
    'section',
    { class: 'sides' },
    h(
      'div',
      { class: 'panel' },
      h('h1', {}, user.name),
      h('p', { class: 'soft' }, user.email),
      form(rename, 'Save', field('Name', { name: 'name', value: user.name, maxlength: 100 })),
      h('p', {}, h('button', { class: 'plain', onclick: leaveShop }, 'Sign out')),
    ),
    h(
      'div',
      { class: 'panel' },
      h('h2', {}, 'Avatar'),
      picture,
      file,
      h(
        'p',
        { class: 'soft' },
        'A photo of up to 10 MB. It is cut to a square, and what it says about you is removed.',
      ),
    ),
    user.role === 'admin' &&
      h(
        'div',
        { class: 'panel' },
        h('h2', {}, 'For administrators'),
        h('p', {}, h('a', { class: 'button plain', href: '/admin/orders.csv', download: true }, 'All orders as CSV')),
      ),
  )

  async function rename(body) {
    await api('PATCH /me', { body })
    await refresh()
    toast('Saved')
  }

  async function upload() {
    const [chosen] = file.files
    if (!chosen) return
    try {
      await api('PUT /me/avatar', { body: chosen })
      toast('Making the sizes …')
      for (let tries = 0; tries < 20 && !leave.aborted; tries++) {
        const { state, pictures } = await api('GET /me/avatar')
        if (state === 'ready') {
          picture.src = pictures.medium
          await refresh()
          return toast('That looks good')
        }
        if (state === 'failed') return toast('That image could not be read')
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    } catch (error) {
      toast(error.message)
    } finally {
      file.value = ''
    }
  }

  async function leaveShop() {
    await api('DELETE /sessions/mine')
    await refresh()
    go('#/')
  }
}
