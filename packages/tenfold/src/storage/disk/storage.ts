import { constants } from 'node:fs'
import { link, mkdir, open, readdir, realpath, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { uuidv7 } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { StorageEscape, StorageExists, StorageNotFound, StorageRange } from '../errors.ts'
import type { GetOptions, ListOptions, OpenedFile, Page, Storage, StoredFile } from '../storage.ts'
import { checkKey } from '../key.ts'
import { partOf } from '../range.ts'
import { pathOf } from './layout.ts'
import { keysIn } from './listing.ts'
import type { createSigner } from './signer.ts'
import { readTrailer, trailerOf } from './trailer.ts'
import { writeAll, writeBody } from './upload.ts'

export interface DiskStorageOptions {
  /** Made when it is missing. Only tenfold may write into it. */
  directory: string
  clock: Clock
  signer: ReturnType<typeof createSigner>
  /** How long an upload may be without any progress before it counts as left behind, in ms. Defaults to 1 h. */
  staleAfter?: number
}

/** Of each piece of a body. The smaller they are, the sooner the garbage collector frees those that were read: with 64 KiB, as
 *  is usual, a download takes 20 MB more memory and is hardly faster. */
const READ_BYTES = 16 * 1024
const UPLOADS = 'uploads'
const FILES = 'files'
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants

/** Files on a disk of this machine. A file is written beside its place, made durable, and moved there in one step. */
export async function openDiskStorage(options: DiskStorageOptions): Promise<Storage> {
  const { clock, signer, staleAfter = 3_600_000 } = options
  await mkdir(join(options.directory, FILES), { recursive: true })
  await mkdir(join(options.directory, UPLOADS), { recursive: true })
  const root = await realpath(options.directory)
  const files = join(root, FILES)
  const uploads = join(root, UPLOADS)
  const stopSweeping = await keepSweeping(uploads, staleAfter)

  const placeOf = (key: string): { folder: string; path: string } => {
    checkKey(key)
    const { folders, file } = pathOf(key)
    const folder = join(files, ...folders)
    return { folder, path: join(folder, file) }
  }

  /** The real path of a folder differs from its path when one of them is a symbolic link (S5).
   *  Of a folder that is yet to be made, what is there of its path counts. */
  const refuseLinks = async (folder: string, key: string): Promise<void> => {
    const real = await realpath(folder).catch((error: unknown) => {
      if (isCode(error, 'ENOENT') && folder !== files) return undefined
      throw error
    })
    if (real === undefined) return refuseLinks(dirname(folder), key)
    if (real !== folder) throw StorageEscape({ key })
  }

  const openFile = async (key: string): Promise<{ handle: FileHandle; file: StoredFile } | undefined> => {
    const { folder, path } = placeOf(key)
    let handle: FileHandle | undefined
    try {
      await refuseLinks(folder, key)
      handle = await open(path, O_RDONLY | O_NOFOLLOW)
      return { handle, file: await readTrailer(handle, key) }
    } catch (error) {
      await handle?.close()
      if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined
      if (isCode(error, 'ELOOP')) throw StorageEscape({ key })
      throw error
    }
  }

  /** Returns the topmost folder that got a new entry. */
  const publish = async (from: string, key: string, ifAbsent: boolean): Promise<string> => {
    const { folder, path } = placeOf(key)
    // A folder that becomes empty is removed, perhaps just now: then it is made again.
    for (let attempt = 1; ; attempt++) {
      try {
        await refuseLinks(folder, key)
        const firstMade = await mkdir(folder, { recursive: true })
        await refuseLinks(folder, key)
        if (ifAbsent) {
          await link(from, path)
          await unlink(from)
        } else {
          await rename(from, path)
        }
        return firstMade ? dirname(firstMade) : folder
      } catch (error) {
        if (isCode(error, 'EEXIST')) throw StorageExists({ key })
        if (!isCode(error, 'ENOENT') || attempt === 100) throw error
      }
    }
  }

  const storage: Storage = {
    async put(key, body, putOptions = {}) {
      placeOf(key)
      const upload = join(uploads, uuidv7())
      const handle = await open(upload, O_WRONLY | O_CREAT | O_EXCL, 0o600)
      try {
        const about = await writeBody(handle, key, body, putOptions, clock.now())
        await writeAll(handle, trailerOf(about))
        await handle.sync()
        await handle.close()
        await syncFolders(placeOf(key).folder, await publish(upload, key, putOptions.ifAbsent ?? false))
        return { key, ...about }
      } catch (error) {
        await handle.close().catch(() => {})
        await rm(upload, { force: true })
        throw error
      }
    },

    async get(key, { range }: GetOptions = {}): Promise<OpenedFile> {
      const opened = await openFile(key)
      if (!opened) throw StorageNotFound({ key })
      const { handle, file } = opened
      const part = range && partOf(range, file.size)
      const outside = range && !part
      if (outside || file.size === 0) await handle.close()
      if (outside) throw StorageRange({ key, size: file.size })
      const { start, end } = part ?? { start: 0, end: file.size - 1 }
      const body =
        file.size === 0 ? Readable.from([]) : handle.createReadStream({ start, end, highWaterMark: READ_BYTES })
      return { file, ...(part && { range: part }), body }
    },

    async head(key) {
      const opened = await openFile(key)
      await opened?.handle.close()
      return opened?.file
    },

    async delete(key) {
      const { folder, path } = placeOf(key)
      try {
        await refuseLinks(folder, key)
        await unlink(path)
      } catch (error) {
        if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return false
        throw error
      }
      await removeEmpty(folder, files)
      return true
    },

    async copy(from, to) {
      const { file, body } = await storage.get(from)
      return storage.put(to, body, { contentType: file.contentType, sha256: file.sha256, maxBytes: Infinity })
    },

    async list(prefix, { after = '', limit = 1000 }: ListOptions = {}): Promise<Page> {
      const most = Math.max(1, Math.min(1000, limit))
      const found: StoredFile[] = []
      for await (const key of keysIn(files, Buffer.from(prefix), Buffer.from(after))) {
        if (found.length === most) return { files: found, next: found.at(-1)!.key }
        const file = await storage.head(key)
        if (file) found.push(file)
      }
      return { files: found }
    },

    async signedUrl(key, signOptions) {
      checkKey(key)
      return signer.sign(key, signOptions)
    },
    async uploadTicket(key, ticketOptions) {
      const url = await storage.signedUrl(key, { ...ticketOptions, method: 'PUT' })
      const { contentType } = ticketOptions
      return { method: 'PUT', url, ...(contentType !== undefined && { headers: { 'content-type': contentType } }) }
    },
    verify: (request) => signer.verify(request),
    close: stopSweeping,
  }
  return storage
}

/** The rename itself, and the folders made for it, must survive a power cut. A folder that is gone by now held nothing
 *  any more: the file was deleted. */
async function syncFolders(folder: string, top: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    const handle = await open(at, O_RDONLY).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined
      throw error
    })
    await handle?.sync().finally(() => handle.close())
    if (at === top) return
  }
}

async function removeEmpty(folder: string, top: string): Promise<void> {
  for (let at = folder; at !== top; at = dirname(at)) {
    // Not empty, or somebody else was faster: either way it is theirs now.
    const removed = await rmdir(at).then(
      () => true,
      () => false,
    )
    if (!removed) return
  }
}

/** Removes what killed uploads left behind, now and from time to time. Returns the way to stop. */
async function keepSweeping(uploads: string, staleAfter: number): Promise<() => Promise<void>> {
  const state = { sweeping: Promise.resolve() }
  await sweep(uploads, Date.now() - staleAfter)
  const timer = setInterval(() => {
    state.sweeping = sweep(uploads, Date.now() - staleAfter).catch(() => {})
  }, staleAfter)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await state.sweeping
  }
}

/** Others may be uploading: what still grows is younger than `before`. */
async function sweep(uploads: string, before: number): Promise<void> {
  for (const name of await readdir(uploads)) {
    const path = join(uploads, name)
    const written = await stat(path).catch(() => undefined)
    if (written && written.mtimeMs < before) await rm(path, { force: true })
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
