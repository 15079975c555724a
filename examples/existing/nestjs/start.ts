/** NestJS: `DATABASE_URL=postgres://… node nestjs/start.ts`. Node.js removes types and knows no decorators: here they are compiled
 *  while they are loaded. Your own app has `nest build` for that. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'rolldown/utils'

const HERE = new URL('.', import.meta.url).href

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.startsWith(HERE)) return loaded
    const text = readFileSync(fileURLToPath(url), 'utf8')
    const { code, errors } = transformSync(url, text, { lang: 'ts', decorator: { legacy: true } })
    if (errors.length > 0) throw new SyntaxError(errors.map(({ message }) => message).join('\n'))
    return { ...loaded, format: 'module', source: code }
  },
})

await import('./server.ts')
