import { prometheusName } from '../../telemetry/index.ts'
import type { Facts, Stage } from '../deploy.ts'
import { serviceName } from '../names.ts'
import { rowsOf, type Panel, type Query, type Row } from './panels.ts'

/** The dashboard as Grafana reads it; import it by hand, or let Grafana find it in a folder.
 *  https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
 *  @param only labels that every series has to have, where Prometheus knows other apps as well */
export function dashboardJson(facts: Facts, stage: Stage, only = ''): string {
  const rows = [...rowsOf(only), ...ownRow(facts, only)]
    .map((row) => ({ ...row, panels: row.panels.filter(({ from = 1 }) => from <= stage) }))
    .filter(({ panels }) => panels.length > 0)
  const dashboard = {
    title: facts.app,
    description: `What ${facts.app} tells of itself at /metrics. For Grafana 11 and newer; made by tenfold deploy.`,
    uid: `tenfold-${serviceName(facts)}`.slice(0, 40),
    tags: ['tenfold'],
    schemaVersion: 39,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    // The cursor stands at the same moment in all panels.
    graphTooltip: 1,
    templating: {
      list: [{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' }],
    },
    annotations: {
      list: [
        {
          name: 'alerts',
          enable: true,
          iconColor: 'red',
          datasource: SOURCE,
          expr: 'ALERTS{alertstate="firing", alertname!="DeadMan"}',
          titleFormat: '{{alertname}}',
        },
      ],
    },
    panels: placed(rows),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

/** Which Prometheus is asked is chosen above the dashboard. */
const SOURCE = { type: 'prometheus', uid: '${datasource}' }

/** The business metrics of the app's modules: counters as what is added in a second, the others by their median and p95. */
function ownRow({ metrics }: Facts, only: string): Row[] {
  const selector = only === '' ? '' : `{${only}}`
  const panels = Object.entries(metrics).map(([name, { kind, unit }]): Panel => {
    const known = prometheusName({ name, kind, unit })
    const rate = (series: string): string => `rate(${series}${selector}[$__rate_interval])`
    const queries: Query[] =
      kind === 'counter'
        ? [{ expr: `sum(${rate(known)})`, legend: 'in a second' }]
        : [0.5, 0.95].map((q) => ({
            expr: `histogram_quantile(${q}, sum by (le) (${rate(`${known}_bucket`)}))`,
            legend: `p${q * 100}`,
          }))
    const shown = unit === 's' ? 's' : unit === 'By' ? 'bytes' : 'short'
    return { title: name, about: 'A metric of the app.', unit: kind === 'counter' ? 'ops' : shown, queries }
  })
  return panels.length === 0 ? [] : [{ title: 'Of the app itself', panels }]
}

/** Three in a line, of the 24 columns that Grafana has. */
const WIDTH = 8
const HEIGHT = 8

function placed(rows: readonly Row[]): object[] {
  let y = 0
  let id = 0
  return rows.flatMap(({ title, panels }) => {
    const head = { id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] }
    const body = panels.map((panel, i) => ({
      id: ++id,
      ...drawn(panel),
      gridPos: { x: (i % 3) * WIDTH, y: y + Math.floor(i / 3) * HEIGHT, w: WIDTH, h: HEIGHT },
    }))
    y += Math.ceil(panels.length / 3) * HEIGHT
    return [head, ...body]
  })
}

function drawn({ title, about, unit, queries, stacked }: Panel): object {
  return {
    type: 'timeseries',
    title,
    description: about,
    datasource: SOURCE,
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
      range: true,
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(unit === 'percentunit' && { max: 1 }),
        custom: {
          lineWidth: 1,
          fillOpacity: stacked ? 30 : 0,
          showPoints: 'never',
          stacking: { mode: stacked ? 'normal' : 'none' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }
}
