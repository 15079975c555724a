/** Ring 1: one self-contained page out of numbers: no script, no font and no style from elsewhere. */
export { chart, type Chart, type Series } from './chart.ts'
export { escape, figures, page, rows, type Figure } from './page.ts'
export { terminalChart } from './terminal.ts'
