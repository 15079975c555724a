import { implementation, remove, resize, show, upload } from './avatars.ts'
import { m } from './kit.ts'

export default m.build({
  parts: [upload, resize, show, remove, implementation],
  migrations: new URL('./migrations/', import.meta.url),
})
