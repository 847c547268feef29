import { download, fileStem } from '../format/download.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { init, type EChartsOption } from './echarts.ts'
import type { ChartSize } from './useChart.ts'

export interface LegendEntry {
  readonly label: string
  readonly colour: string
}

/** A chart as it can be drawn again somewhere else. */
export interface ExportableChart {
  readonly title: string
  readonly option: EChartsOption
  readonly size: ChartSize
  readonly legend: readonly LegendEntry[]
}

const HEADER = 52
const TITLE_LINE = 17
/** Pixels of a letter of the title, on average. */
const TITLE_GLYPH = 7.4
const PIXEL_RATIO = 2

/** A title in as many lines as the width takes: cut off it would lose its finding. */
export function titleLines(title: string, width: number): string[] {
  const most = Math.max(12, Math.floor((width - 24) / TITLE_GLYPH))
  const lines: string[] = []
  for (const word of title.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && longer.length <= most) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

const headerHeight = ({ title, size }: ExportableChart): number => HEADER + (titleLines(title, size.width).length - 1) * TITLE_LINE

/** The option below a header with the title and the legend, which on the page are not part of the chart. */
function withHeader(chart: ExportableChart, tokens: ChartTokens): EChartsOption {
  const grid = chart.option.grid as { readonly top?: number }
  const height = headerHeight(chart)
  let x = 12
  const legend = chart.legend.flatMap(({ label, colour }) => {
    const left = x
    x += 24 + label.length * 6.2
    return [
      { type: 'rect' as const, shape: { x: left, y: height - 19, width: 10, height: 10 }, style: { fill: colour } },
      { type: 'text' as const, style: { text: label, x: left + 14, y: height - 19, fill: tokens.muted, font: `11px ${tokens.font}` } },
    ]
  })
  return {
    ...chart.option,
    animation: false,
    backgroundColor: tokens.background,
    grid: { ...grid, top: (grid.top ?? 0) + height },
    graphic: {
      elements: [
        { type: 'text', style: { text: titleLines(chart.title, chart.size.width).join('\n'), x: 12, y: 10, fill: tokens.text, font: `600 13px ${tokens.font}`, lineHeight: TITLE_LINE } },
        ...legend,
      ],
    },
  }
}

/** @returns the chart as an SVG document */
export function renderSvg(chart: ExportableChart, tokens: ChartTokens): string {
  const { width, height } = chart.size
  const instance = init(null, null, { renderer: 'svg', ssr: true, width, height: height + headerHeight(chart) })
  try {
    instance.setOption(withHeader(chart, tokens))
    return instance.renderToSVGString()
  } finally {
    instance.dispose()
  }
}

function renderPng(chart: ExportableChart, tokens: ChartTokens): Blob {
  const { width, height } = chart.size
  const instance = init(document.createElement('div'), null, { renderer: 'canvas', width, height: height + headerHeight(chart) })
  try {
    instance.setOption(withHeader(chart, tokens))
    const url = instance.getDataURL({ type: 'png', pixelRatio: PIXEL_RATIO, backgroundColor: tokens.background })
    const binary = atob(url.slice(url.indexOf(',') + 1))
    return new Blob([Uint8Array.from(binary, (char) => char.charCodeAt(0))], { type: 'image/png' })
  } finally {
    instance.dispose()
  }
}

export function downloadChart(chart: ExportableChart, format: 'png' | 'svg', tokens: ChartTokens): void {
  const content = format === 'png' ? renderPng(chart, tokens) : new Blob([renderSvg(chart, tokens)], { type: 'image/svg+xml' })
  download(`${fileStem(chart.title).slice(0, 80)}.${format}`, content)
}
