/** Ring 3: mail: sending by SMTP, what bounces, and what is caught in development. */
export {
  migrations,
  readCaughtMails,
  startMailCatcher,
  type CaughtMail,
  type CaughtMailDetail,
  type CaughtMails,
  type MailCatcher,
} from './catcher.ts'
export { parseBounce, type Bounce } from './bounce.ts'
export * from './errors.ts'
export { html, Html, rawHtml, type HtmlValue } from './html.ts'
export { openSmtp, type Outgoing, type Smtp, type SmtpSettings } from './smtp.ts'
