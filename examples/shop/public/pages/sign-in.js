import { api } from '../api.js'
import { field, form, h } from '../dom.js'

export async function signIn({ refresh, go }) {
  const email = { name: 'email', type: 'email', autocomplete: 'email' }
  const enter = (route) => async (body) => {
    await api(route, { body })
    await refresh()
    const back = location.hash
    go('#/')
    if (back && back !== '#/sign-in') go(back)
  }
  return h(
    'section',
    { class: 'sides' },
    h(
      'div',
      { class: 'panel' },
      h('h1', {}, 'Sign in'),
      form(
        enter('POST /sessions'),
        'Sign in',
        field('E-mail', email),
        field('Password', { name: 'password', type: 'password', autocomplete: 'current-password' }),
      ),
    ),
    h(
      'div',
      { class: 'panel' },
      h('h1', {}, 'New here?'),
      form(
        enter('POST /users'),
        'Sign up',
        field('Name', { name: 'name', autocomplete: 'name', maxlength: 100 }),
        field('E-mail', email),
        field('Password (10 characters or more)', {
          name: 'password',
          type: 'password',
          minlength: 10,
          autocomplete: 'new-password',
        }),
      ),
    ),
  )
}
