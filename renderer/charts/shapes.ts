import { graphic } from './echarts.ts'
import { forEachHatch, forEachRect, forEachWaitRect, type TimeScale } from './ganttGeometry.ts'
import type { SpanBatch } from './spanIndex.ts'
import type { WaitBatch } from './waitBatches.ts'

/** Rectangles of one lane and category, drawn as one path. */
export interface SpanBatchShape {
  readonly batch: SpanBatch
  readonly scale: TimeScale
  readonly y: number
  readonly height: number
}

/** The waiting of spans of one lane and category, drawn as one path. */
export interface WaitBatchShape extends SpanBatchShape {
  readonly batch: WaitBatch
}

/** Rectangles to fill with diagonal strokes, as [x, y, width, height]. */
export interface HatchShape {
  readonly rects: readonly (readonly [number, number, number, number])[]
}

/** Rectangles to draw round, as [x, y, width, height]. */
export interface OutlinesShape {
  readonly rects: readonly (readonly [number, number, number, number])[]
}

/** Arrows between lanes, as [x0, y0, x1, y1]. */
export interface ArrowsShape {
  readonly arrows: readonly (readonly [number, number, number, number])[]
}

const ARROW_HEAD = 4

const SpanBatchPath = graphic.extendShape({
  type: 'span-batch',
  buildPath(path, shape: SpanBatchShape) {
    forEachRect(shape.batch, shape.scale, (x, width) => path.rect(x, shape.y, width, shape.height))
  },
})

const SpanBatchHatchPath = graphic.extendShape({
  type: 'span-batch-hatch',
  buildPath(path, shape: SpanBatchShape) {
    forEachRect(shape.batch, shape.scale, (x, width) => {
      forEachHatch(x, shape.y, width, shape.height, (x0, y0, x1, y1) => {
        path.moveTo(x0, y0)
        path.lineTo(x1, y1)
      })
    })
  },
})

const WaitBatchPath = graphic.extendShape({
  type: 'wait-batch',
  buildPath(path, shape: WaitBatchShape) {
    forEachWaitRect(shape.batch, shape.scale, (x, width) => path.rect(x, shape.y, width, shape.height))
  },
})

const WaitBatchHatchPath = graphic.extendShape({
  type: 'wait-batch-hatch',
  buildPath(path, shape: WaitBatchShape) {
    forEachWaitRect(shape.batch, shape.scale, (x, width) => {
      forEachHatch(x, shape.y, width, shape.height, (x0, y0, x1, y1) => {
        path.moveTo(x0, y0)
        path.lineTo(x1, y1)
      })
    })
  },
})

const HatchPath = graphic.extendShape({
  type: 'hatch',
  buildPath(path, shape: HatchShape) {
    for (const [x, y, width, height] of shape.rects) {
      forEachHatch(x, y, width, height, (x0, y0, x1, y1) => {
        path.moveTo(x0, y0)
        path.lineTo(x1, y1)
      })
    }
  },
})

const OutlinesPath = graphic.extendShape({
  type: 'outlines',
  buildPath(path, shape: OutlinesShape) {
    for (const [x, y, width, height] of shape.rects) path.rect(x, y, width, height)
  },
})

const ArrowsPath = graphic.extendShape({
  type: 'arrows',
  buildPath(path, shape: ArrowsShape) {
    for (const [x0, y0, x1, y1] of shape.arrows) {
      const bend = Math.min(40, Math.abs(x1 - x0) / 2)
      path.moveTo(x0, y0)
      path.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1)
      path.moveTo(x1 - ARROW_HEAD, y1 - ARROW_HEAD * 0.7)
      path.lineTo(x1, y1)
      path.lineTo(x1 - ARROW_HEAD, y1 + ARROW_HEAD * 0.7)
    }
  },
})

graphic.registerShape('span-batch', SpanBatchPath)
graphic.registerShape('span-batch-hatch', SpanBatchHatchPath)
graphic.registerShape('wait-batch', WaitBatchPath)
graphic.registerShape('wait-batch-hatch', WaitBatchHatchPath)
graphic.registerShape('hatch', HatchPath)
graphic.registerShape('outlines', OutlinesPath)
graphic.registerShape('arrows', ArrowsPath)
