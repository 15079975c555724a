/** Ring 3: mail in development. */
export {
  migrations,
  readCaughtMails,
  startMailCatcher,
  type CaughtMail,
  type CaughtMailDetail,
  type CaughtMails,
  type MailCatcher,
} from './catcher.ts'
