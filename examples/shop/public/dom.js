/** An element: `h('a', { href: '#/', class: 'brand' }, 'Shop')`. Text is always text: nothing here parses HTML. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

export const euros = (cents) =>
  new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' }).format(cents / 100)

export function toast(text) {
  const element = document.querySelector('.toast')
  element.textContent = text
  clearTimeout(toast.timer)
  toast.timer = setTimeout(() => (element.textContent = ''), 3500)
}

/** A form that sends its fields, shows what is wrong, and cannot be sent twice at a time. */
export function form(send, submit, ...fields) {
  const problem = h('p', { class: 'error', role: 'alert', hidden: true })
  const button = h('button', { type: 'submit' }, submit)
  const onsubmit = async (event) => {
    event.preventDefault()
    button.disabled = true
    problem.hidden = true
    try {
      await send(Object.fromEntries(new FormData(event.target)))
    } catch (error) {
      problem.textContent = [
        error.message,
        ...(error.issues ?? []).map((issue) => `${issue.path}: ${issue.message}`),
      ].join(' ')
      problem.hidden = false
    } finally {
      button.disabled = false
    }
  }
  return h('form', { class: 'stack', onsubmit }, ...fields, problem, button)
}

export function field(label, attributes) {
  return h('label', {}, label, h('input', { required: true, ...attributes }))
}
