/** Ring 3: storage. Files under keys, on a disk now and in object storage later, without a change of code. */
export * from './errors.ts'
export { openStorage, type StorageOptions } from './open.ts'
export { imageTypeOf } from './sniff.ts'
export { FILES_PATH } from './disk/signer.ts'
export type {
  Body,
  GetOptions,
  ListOptions,
  OpenedFile,
  Page,
  PutOptions,
  SignedRequest,
  SignOptions,
  Storage,
  StoredFile,
  UploadTicket,
} from './storage.ts'
