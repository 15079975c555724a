/** The clock of a machine that is wrong by SKEW_MS; to be imported before anything looks at it. */
const skewMs = Number(process.env.SKEW_MS ?? 0)
const RealDate = Date

class WrongDate extends RealDate {
  constructor(...given: [] | [string | number | Date]) {
    super(...((given.length === 0 ? [RealDate.now() + skewMs] : given) as [number]))
  }
  static override now(): number {
    return RealDate.now() + skewMs
  }
}
if (skewMs !== 0) globalThis.Date = WrongDate as DateConstructor
