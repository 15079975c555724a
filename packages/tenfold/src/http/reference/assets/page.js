// The API reference: reads openapi.json and shows it. All text goes in as text, never as HTML.
const LIMITS = ['format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'default']
const spec = await (await fetch('/openapi.json')).json()
const main = document.querySelector('#main')
const list = document.querySelector('#list')

function el(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties)
  node.append(...children.filter((child) => child !== undefined && child !== null))
  return node
}

const routes = Object.entries(spec.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation, id: operation.operationId })),
)
document.querySelector('#version').textContent = spec.info.version
for (const { name } of spec.tags) {
  const own = routes.filter((route) => route.operation.tags[0] === name)
  if (own.length === 0) continue
  list.append(el('section', {}, el('h2', {}, name), ...own.map(linkTo)))
  main.append(el('section', {}, el('h2', {}, name), ...own.map(card)))
}
const names = Object.keys(spec.components.schemas)
main.append(el('section', {}, el('h2', {}, 'Schemas'), ...names.map(schemaCard)))
document.querySelector('#filter').addEventListener('input', (event) => filter(event.target.value.toLowerCase()))
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView()

function filter(text) {
  for (const link of list.querySelectorAll('.route')) link.hidden = !link.textContent.toLowerCase().includes(text)
  for (const section of list.children) section.hidden = !section.querySelector('.route:not([hidden])')
  for (const article of main.querySelectorAll('article.operation')) {
    article.hidden = !article.dataset.text.includes(text)
  }
}

function linkTo({ id, method, operation }) {
  return el('a', { className: 'route', href: `#${id}`, title: operation.summary ?? '' }, methodMark(method), pathOf(operation))
}

function methodMark(method) {
  return el('span', { className: `method ${method}` }, method)
}

function pathOf(operation) {
  return operation['x-route'].slice(operation['x-route'].indexOf(' ') + 1)
}

function card(route) {
  const { operation, method, id } = route
  const article = el(
    'article',
    { id, className: 'operation' },
    el(
      'header',
      {},
      el('h3', { className: operation.deprecated ? 'old' : '' }, methodMark(method), pathOf(operation), el('span', { className: 'tag' }, whoOf(operation))),
      operation.summary && el('p', {}, operation.summary),
      operation.description && el('p', {}, operation.description),
    ),
    el('div', { className: 'body' }, ...partsOf(operation), tryIt(route)),
  )
  article.dataset.text = `${operation['x-route']} ${operation.summary ?? ''}`.toLowerCase()
  return article
}

function whoOf({ security }) {
  if (security.length === 0) return 'public'
  if (security.some((way) => Object.keys(way).length === 0)) return 'public, knows the user'
  const roles = Object.values(security[0])[0]
  return roles.length > 0 ? `role ${roles.join(' or ')}` : 'signed in'
}

function partsOf(operation) {
  const parts = []
  for (const [where, title] of [['path', 'Path'], ['query', 'Query']]) {
    const own = (operation.parameters ?? []).filter((parameter) => parameter.in === where)
    if (own.length > 0) parts.push(el('h4', {}, title), schemaView(objectOf(own)))
  }
  const body = operation.requestBody?.content
  if (body?.['application/json']) parts.push(el('h4', {}, 'Body'), schemaView(body['application/json'].schema))
  else if (body) parts.push(el('h4', {}, 'Body'), el('p', {}, 'Bytes of any type.'))
  for (const [status, response] of Object.entries(operation.responses)) {
    const schema = response.content?.['application/json']?.schema
    if (schema) parts.push(el('h4', {}, `Reply ${status}`), schemaView(schema))
  }
  return parts
}

function objectOf(parameters) {
  return {
    type: 'object',
    properties: Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter.schema])),
    required: parameters.filter((parameter) => parameter.required).map((parameter) => parameter.name),
  }
}

function schemaCard(name) {
  return el('article', { id: `schema-${name}` }, el('header', {}, el('h3', {}, name)), el('div', { className: 'body' }, schemaView(spec.components.schemas[name])))
}

function schemaView(schema) {
  return el('pre', {}, ...typeNodes(schema, ''))
}

/** A schema in the notation of TypeScript, with links to named ones. */
function typeNodes(schema, indent) {
  if (schema === true || schema === undefined) return ['any']
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1)
    return [el('a', { href: `#schema-${name}` }, name)]
  }
  if (schema.const !== undefined) return [JSON.stringify(schema.const)]
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(' | ')]
  const options = schema.anyOf ?? schema.oneOf ?? schema.allOf
  if (options) return options.flatMap((option, index) => [index === 0 ? '' : schema.allOf ? ' & ' : ' | ', ...typeNodes(option, indent)])
  if (schema.type === 'array') return [...typeNodes(schema.items, indent), '[]', ...limitsOf(schema)]
  if (schema.type === 'object' && schema.properties) return objectNodes(schema, indent)
  if (schema.type === 'object') return ['{ [name]: ', ...typeNodes(schema.additionalProperties, indent), ' }']
  return [[schema.type ?? 'any'].flat().join(' | '), ...limitsOf(schema)]
}

function objectNodes({ properties, required = [] }, indent) {
  const fields = Object.entries(properties).flatMap(([name, schema]) => [
    `\n${indent}  ${name}${required.includes(name) ? '' : '?'}: `,
    ...typeNodes(schema, `${indent}  `),
    schema.description ? `   ${schema.description}` : '',
  ])
  return ['{', ...fields, `\n${indent}}`]
}

function limitsOf(schema) {
  const known = LIMITS.filter((key) => schema[key] !== undefined && Math.abs(schema[key]) !== Number.MAX_SAFE_INTEGER)
  return known.length === 0 ? [] : [` (${known.map((key) => (key === 'format' ? schema.format : `${key} ${JSON.stringify(schema[key])}`)).join(', ')})`]
}

function tryIt({ method, path, operation }) {
  const inputs = (operation.parameters ?? []).map((parameter) => ({ parameter, input: el('input', { name: parameter.name, required: parameter.required, autocomplete: 'off' }) }))
  const json = operation.requestBody?.content['application/json']
  const body = json ? el('textarea', { spellcheck: false, value: JSON.stringify(exampleOf(json.schema), null, 2) }) : undefined
  const file = operation.requestBody && !json ? el('input', { type: 'file' }) : undefined
  const output = el('div', { role: 'status' })
  const form = el(
    'form',
    {},
    ...inputs.map(({ parameter, input }) => el('label', {}, parameter.name, input)),
    body && el('label', {}, 'body', body),
    file && el('label', {}, 'body', file),
    el('button', { type: 'submit' }, 'Send'),
    output,
  )
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const url = urlOf(path, inputs)
    const init = { method, headers: {} }
    if (body) Object.assign(init, { body: body.value, headers: { 'content-type': 'application/json' } })
    if (file) init.body = file.files[0]
    output.replaceChildren(el('p', {}, 'Waiting …'))
    output.replaceChildren(...(await send(url, init)))
  })
  return el('details', {}, el('summary', {}, 'Try it'), form)
}

function urlOf(path, inputs) {
  const search = new URLSearchParams()
  let filled = path
  for (const { parameter, input } of inputs) {
    if (parameter.in === 'path') filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value))
    else if (input.value !== '') for (const value of parameter.schema.type === 'array' ? input.value.split(',') : [input.value]) search.append(parameter.name, value)
  }
  return search.size > 0 ? `${filled}?${search}` : filled
}

async function send(url, init) {
  const start = performance.now()
  try {
    const response = await fetch(url, init)
    const text = (await response.text()).slice(0, 100_000)
    const line = `${init.method} ${url}: ${response.status} ${response.statusText}, ${Math.round(performance.now() - start)} ms`
    return [el('p', { className: response.ok ? '' : 'error' }, line), el('pre', {}, pretty(text))]
  } catch (error) {
    return [el('p', { className: 'error' }, `No answer: ${error.message}`)]
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

function exampleOf(schema, depth = 0) {
  if (schema === true || schema === undefined || depth > 5) return null
  if (schema.$ref) return exampleOf(spec.components.schemas[schema.$ref.split('/').at(-1)], depth + 1)
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  const option = (schema.anyOf ?? schema.oneOf)?.[0]
  if (option) return exampleOf(option, depth + 1)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, depth + 1)))
  const type = [schema.type].flat()[0]
  if (type === 'object') return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, exampleOf(inner, depth + 1)]))
  if (type === 'array') return schema.items ? [exampleOf(schema.items, depth + 1)] : []
  return { string: '', integer: schema.minimum > 0 ? schema.minimum : 0, number: 0, boolean: false }[type] ?? null
}
