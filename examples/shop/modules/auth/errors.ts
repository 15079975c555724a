import { defineError } from 'tenfold'

/** Says the same whether the address is unknown or the password is wrong, so that nobody can find out who has an account. */
export const WrongLogin = defineError('SHOP_WRONG_LOGIN', {
  status: 401,
  says: () => 'E-mail and password do not match.',
  fix: 'Check both, or sign up.',
})

export const EmailTaken = defineError('SHOP_EMAIL_TAKEN', {
  status: 409,
  says: () => 'There is an account with this e-mail address.',
  fix: 'Log in instead.',
})

export const NoAccount = defineError('SHOP_NO_ACCOUNT', {
  status: 401,
  says: () => 'This account is gone.',
  fix: 'Sign up again.',
})
