import { defineError } from 'tenfold'

export const NotAnImage = defineError('SHOP_NOT_AN_IMAGE', {
  status: 415,
  says: (e: { problem: string }) => `This cannot be an avatar: ${e.problem}.`,
  fix: 'Send a JPEG, PNG, WebP, GIF or AVIF of at most 40 megapixels.',
})
