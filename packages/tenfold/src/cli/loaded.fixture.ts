/** `node --import` this: says on standard error, when the process ends, which files it has loaded. */
import { registerHooks } from 'node:module'
import { writeSync } from 'node:fs'

const loaded: string[] = []
registerHooks({
  load: (url, context, next) => {
    if (url.startsWith('file:')) loaded.push(url)
    return next(url, context)
  },
})
process.on('exit', () => writeSync(2, JSON.stringify(loaded)))
