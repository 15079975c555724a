import { defineError, type Issue } from '../kernel/index.ts'

export const MailRefused = defineError('TF_MAIL_REFUSED', {
  says: (e: { recipient: string; answer: string; status: string }) =>
    `The mail to ${e.recipient} was refused for good: ${e.answer}`,
  fix: 'Read what the mail server says. When it is put right, `tenfold jobs retry` sends the mail again.',
})

export const MailLater = defineError('TF_MAIL_LATER', {
  says: (e: { recipient: string; answer: string }) => `The mail to ${e.recipient} could not be sent yet: ${e.answer}`,
  fix: 'It is tried again by its schedule. If it goes on, see whether the mail server of SMTP_URL runs, and lets this app in.',
})

export const MailAddress = defineError('TF_MAIL_ADDRESS', {
  status: 422,
  says: (e: { address: string }) => `'${e.address}' is not one mail address.`,
  fix: 'Give one address without a name, such as `ann@example.com`; several of them are a list.',
})

export const MailRecipients = defineError('TF_MAIL_RECIPIENTS', {
  status: 422,
  says: (e: { to: number; all: number; most: number }) =>
    `A mail has ${e.to} addresses in \`to\` and ${e.all} in all; it has to be at least 1, and at most ${e.most}.`,
  fix: 'Send many people a mail each: nobody should see all their addresses.',
})

export const MailInvalid = defineError('TF_MAIL_INVALID', {
  says: (e: { template: string; issues: Issue[] }) =>
    `The data of mail '${e.template}' does not fit its schema: ${e.issues.map((i) => `${i.path || 'it'}: ${i.message}`).join('; ')}`,
  fix: 'Correct the caller, or the schema of the template.',
})

export const MailTemplate = defineError('TF_MAIL_TEMPLATE', {
  says: (e: { template: string; known: string[] }) =>
    `There is no mail '${e.template}'. There are: ${e.known.join(', ') || 'none'}.`,
  fix: 'Add it to `templates` of mailer(), or correct the name. Mails of an older release wait until a worker knows theirs.',
})

export const MailAttachments = defineError('TF_MAIL_ATTACHMENTS', {
  says: (e: { bytes: number; most: number }) =>
    `The attachments of a mail come to ${e.bytes} bytes; at most ${e.most} are sent.`,
  fix: 'Send a link to the file instead: see `files.signedUrl`.',
})

export const SmtpSetting = defineError('TF_SMTP_SETTING', {
  says: (e: { problem: string }) => `The mail server cannot be used: ${e.problem}.`,
  fix: 'Give `smtp://user:password@host:587`, or `smtps://…:465` for TLS from the first byte.',
})
