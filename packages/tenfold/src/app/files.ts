/** The files of one module: the app's storage under the module's own name, so that no module meets the files of another. */
import type { Storage, StoredFile } from '../storage/index.ts'

export function filesOf(storage: Storage, module: string): Omit<Storage, 'verify' | 'close'> {
  const inside = (key: string): string => `${module}/${key}`
  const outside = (file: StoredFile): StoredFile => ({ ...file, key: file.key.slice(module.length + 1) })
  return {
    put: async (key, body, options) => outside(await storage.put(inside(key), body, options)),
    async get(key, options) {
      const opened = await storage.get(inside(key), options)
      return { ...opened, file: outside(opened.file) }
    },
    async head(key) {
      const file = await storage.head(inside(key))
      return file && outside(file)
    },
    delete: (key) => storage.delete(inside(key)),
    copy: async (from, to) => outside(await storage.copy(inside(from), inside(to))),
    async list(prefix, options = {}) {
      const page = await storage.list(inside(prefix), {
        ...options,
        ...(options.after !== undefined && { after: inside(options.after) }),
      })
      return {
        ...page,
        files: page.files.map(outside),
        ...(page.next !== undefined && { next: page.next.slice(module.length + 1) }),
      }
    },
    signedUrl: (key, options) => storage.signedUrl(inside(key), options),
    uploadTicket: (key, options) => storage.uploadTicket(inside(key), options),
  }
}
