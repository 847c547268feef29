import { onBeforeUnmount, shallowRef, watch, type Ref } from 'vue'
import { init, type ECharts, type EChartsOption } from './echarts.ts'

export interface ChartSize {
  readonly width: number
  readonly height: number
}

/**
 * One ECharts instance on an element: made when the element appears, drawn whenever the option changes, fitted when the
 * element is resized, disposed when the element goes. The option may depend on the size and the theme; it must be
 * plain data, never reactive. `data-ready` appears on the element once something is drawn.
 */
export function useChart(
  host: Readonly<Ref<HTMLElement | null>>, option: (size: ChartSize) => EChartsOption | null,
): { readonly size: Readonly<Ref<ChartSize>> } {
  const size = shallowRef<ChartSize>({ width: 0, height: 0 })
  let chart: ECharts | undefined
  let observer: ResizeObserver | undefined
  let frame = 0

  function measure(): void {
    const element = host.value
    if (element === null || element.clientWidth === 0 || element.clientHeight === 0) return
    chart?.resize({ width: element.clientWidth, height: element.clientHeight })
    size.value = { width: element.clientWidth, height: element.clientHeight }
  }

  function dispose(): void {
    cancelAnimationFrame(frame)
    observer?.disconnect()
    chart?.dispose()
    chart = undefined
    size.value = { width: 0, height: 0 }
  }

  watch(host, (element) => {
    dispose()
    if (element === null) return
    chart = init(element, null, { renderer: 'canvas' })
    chart.on('finished', () => {
      element.dataset.ready = 'true'
    })
    observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(measure)
    })
    observer.observe(element)
    measure()
  }, { immediate: true, flush: 'post' })

  watch(() => (size.value.width === 0 ? null : option(size.value)), (next) => {
    if (next === null) chart?.clear()
    // Series keep their id from one option to the next, so a merge replaces their data and redraws in place.
    else chart?.setOption({ animation: false, ...next }, { replaceMerge: ['series'] })
  }, { flush: 'post' })

  onBeforeUnmount(dispose)

  return { size }
}
