/** Ring 6, `tenfold/mail`: mail as a part of a module. */
export { html, Html, rawHtml, type Bounce, type HtmlValue, type SmtpSettings } from '../mail/index.ts'
export {
  MailAddress,
  MailAttachments,
  MailInvalid,
  MailLater,
  MailRecipients,
  MailRefused,
  MailTemplate,
  SmtpSetting,
} from '../mail/index.ts'
export type { Bounced } from './bounced.ts'
export { mailer, type Mailer, type MailerOptions, type Sending } from './mailer.ts'
export type { MailContext, MailState, SentMail } from './store.ts'
export { template, type Letter, type Template, type Templates, type Write, type WriteContext } from './template.ts'
