import type { Shipped } from '../../../../scripts/packages/licences.ts'

/** Everything of others that reaches users, from the lock file. */
export function licenceReference(shipped: readonly Shipped[]): string {
  const counts = [...Map.groupBy(shipped, ({ licence }) => licence)].map(([licence, all]) => `${licence} ${all.length}`)
  const rows = shipped.map(({ name, version, licence, how }) => `| ${name} | ${version} | ${licence} | ${how} |`)
  return [
    '# Licences',
    'Made from the lock file. tenfold is under the Apache License 2.0; this is what comes along with it: packages that npm installs with `tenfold` and `create-tenfold`, and those whose code is inside of the console. Optional peers are not among them. A test refuses any licence that asks for more than to be named.',
    `${counts.join(', ')}.`,
    ['| package | version | licence | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n')
}
