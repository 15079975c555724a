import { defineError } from 'tenfold'

export const EmailTaken = defineError('APP_EMAIL_TAKEN', {
  status: 409,
  says: () => 'There is an account with this e-mail address.',
  fix: 'Log in instead.',
})

/** Says the same whether the address is unknown or the password is wrong, so that nobody can find out who has an account. */
export const WrongLogin = defineError('APP_WRONG_LOGIN', {
  status: 401,
  says: () => 'E-mail and password do not match.',
  fix: 'Check both, or sign up.',
})
