import { messageOf } from '../kernel/index.ts'
import { NotEvidence } from './errors.ts'
import type { Evidence } from './evidence.ts'
import { faultIn } from './shape.ts'

/** Evidence from a file. Throws TF_NOT_EVIDENCE when it is something else, from a newer version, or incomplete. */
export function readEvidence(text: string, file: string): Evidence {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw NotEvidence({ file, reason: messageOf(error) })
  }
  const { format, version } = Object(value) as Partial<Evidence>
  if (format !== 'tenfold-evidence') throw NotEvidence({ file, reason: 'its `format` is not "tenfold-evidence"' })
  if (version !== 1) throw NotEvidence({ file, reason: `its version is ${String(version)}, and 1 is known here` })
  const fault = faultIn(value)
  if (fault !== undefined) throw NotEvidence({ file, reason: fault })
  return value as Evidence
}
