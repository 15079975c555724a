import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { clock } from './format.ts'
import { savePng } from './save.ts'
import { useNow } from './time.tsx'
import { useTheme } from '../shell/theme.ts'

export interface Line {
  name: string
  /** A token of styles/tokens.css. */
  tone: '--line-1' | '--line-2' | '--line-3' | '--trouble'
  values: (number | null)[]
  filled?: boolean
}

const HEIGHT = 132

/** Lines over time. The pointer on one chart shows the same moment on all charts of the page. */
export function Chart(props: {
  title: string
  /** Milliseconds since 1970, ascending. */
  times: number[]
  lines: Line[]
  format: (value: number) => string
  /** Where the scale ends at least, so that a small wiggle does not look like a mountain. */
  atLeast?: number
  /** How many seconds it is wide at least: the first minutes of an app do not fill it. Defaults to ten minutes. */
  leastSeconds?: number
}) {
  const { title, times, lines, format, atLeast = 0, leastSeconds = 600 } = props
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const [at, setAt] = useState<number | null>(null)
  const theme = useTheme()
  const now = useNow()
  // Not with every move of the pointer: thirty days have a quarter of a million points.
  const data = useMemo(
    () => [times.map((time) => time / 1000), ...lines.map((line) => line.values)] as uPlot.AlignedData,
    [times[0], times.at(-1), times.length, ...lines.map((line) => line.values.at(-1))],
  )

  useEffect(() => {
    const element = holder.current!
    const chart = new uPlot(options(element, lines, format, { atLeast, leastSeconds }, setAt), data, element)
    plot.current = chart
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    return () => {
      resized.disconnect()
      chart.destroy()
    }
  }, [theme, lines.map((line) => line.name).join()])
  useEffect(() => plot.current?.setData(data), [data])

  const index = at !== null && at < times.length ? at : times.length - 1
  const shown = lines.map((line) => ({ ...line, value: line.values[index] ?? null }))
  const summary = shown.map(({ name, value }) => `${name} ${value === null ? 'nothing' : format(value)}`).join(', ')
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul aria-hidden="true">
          {shown.map(({ name, tone, value }) => (
            <li key={name}>
              <i style={{ background: `var(${tone})` }} />
              {lines.length > 1 && name} <b>{value === null ? '–' : format(value)}</b>
            </li>
          ))}
        </ul>
        <span class="chart-time">{at !== null && times[index] ? clock(times[index], now) : ''}</span>
        <button
          type="button"
          class="save"
          aria-label={`Save ${title} as a picture`}
          onClick={() => plot.current && savePng(title, plot.current.ctx.canvas)}
        >
          PNG
        </button>
      </figcaption>
      <div
        ref={holder}
        role="img"
        aria-label={`${title} over time. Latest: ${summary}.`}
        style={{ height: `${HEIGHT}px` }}
      />
    </figure>
  )
}

function options(
  element: HTMLElement,
  lines: Line[],
  format: (value: number) => string,
  { atLeast, leastSeconds }: { atLeast: number; leastSeconds: number },
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const dim = resolve(element, '--dim')
  const grid = { stroke: resolve(element, '--hairline'), width: 1 }
  const font = `11px ${getComputedStyle(element).fontFamily}`
  const axis = { stroke: dim, grid, ticks: { show: false }, font }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: 'page', setSeries: false }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: {
      x: { range: (_chart, min, max) => [Math.min(min, max - leastSeconds), max] },
      y: { range: (_chart, _min, max) => [0, Math.max(atLeast, max * 1.15) || 1] },
    },
    axes: [
      { ...axis, size: 22, space: 70, grid: { show: false }, values: TIME_MARKS },
      { ...axis, size: 56, space: 34, gap: 6, values: (_chart, marks) => marks.map(format) },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => {
        const stroke = resolve(element, line.tone)
        const fill = line.filled ? { fill: resolve(element, '--fill') } : {}
        return {
          label: line.name,
          stroke,
          width: 1.5,
          points: { size: 4, fill: stroke, filter: lonePoints },
          spanGaps: false,
          ...fill,
        }
      }),
    ],
    hooks: { setCursor: [(chart) => onPoint(chart.cursor.idx ?? null)] },
  }
}

/** Points without a neighbour: no line goes through them, so that they are drawn themselves. */
const lonePoints: uPlot.Series.Points.Filter = (chart, series) => {
  const values = chart.data[series]!
  const there = (index: number): boolean => typeof values[index] === 'number'
  return Array.from(values.keys()).filter((i) => there(i) && !there(i - 1) && !there(i + 1))
}

/** 24 hours, in the zone of the browser. */
const TIME_MARKS: uPlot.Axis.Values = (_chart, marks, _axis, _space, step) =>
  marks.map((seconds) => {
    const date = new Date(seconds * 1000)
    if (step >= 86_400) return date.toLocaleDateString('en', { month: 'short', day: 'numeric' })
    return date.toLocaleTimeString('en-GB', {
      hour: '2-digit',
      minute: '2-digit',
      ...(step < 60 && { second: '2-digit' }),
    })
  })

/** The colour that a token is right now: a canvas knows no custom properties. */
function resolve(element: HTMLElement, token: string): string {
  const probe = document.createElement('i')
  probe.style.color = `var(${token})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
