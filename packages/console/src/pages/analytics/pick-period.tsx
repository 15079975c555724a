import { Choice } from '../../parts/filters.tsx'

/** The calendar period of a report, in the address; the first of `periods` is what an address without one means. */
export function PickPeriod({ periods }: { periods: readonly string[] }) {
  return <Choice label="By" parameter="by" options={periods.map((period) => [period, period])} />
}
