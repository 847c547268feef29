import { CustomChart } from 'echarts/charts'
import { GraphicComponent, GridComponent } from 'echarts/components'
import { use } from 'echarts/core'
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers'

// Only what the charts use is bundled. The SVG renderer and the graphic component serve the export.
use([CustomChart, GridComponent, GraphicComponent, CanvasRenderer, SVGRenderer])

export { graphic, init, type ECharts } from 'echarts/core'
export type {
  CustomSeriesOption, CustomSeriesRenderItemParams, CustomSeriesRenderItemReturn, EChartsOption,
} from 'echarts'
