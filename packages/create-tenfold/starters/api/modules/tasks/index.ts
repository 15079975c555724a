import { m } from './kit.ts'
import { countFinished, forget, score } from './score.ts'
import { add, finish, list, welcome } from './tasks.ts'

export default m.build({
  parts: [add, list, finish, welcome, countFinished, score, forget],
  migrations: new URL('./migrations/', import.meta.url),
})
