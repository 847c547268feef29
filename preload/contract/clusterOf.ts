import type { AcceleratorEntry, LinkEntry } from './planner.ts'
import type { ClusterModel, LinkModel } from './simulation.ts'

/**
 * Bytes that merging a block's partial result moves, per row, head and element of the head: passes over float32 outputs by
 * kernels that are not fused. Between what fits the zigzag rings of zhuzilin/ring-flash-attention on A100 (51) and on H800 (44);
 * see main/planner/published/zhuzilin.ts.
 */
export const MERGE_BYTES_PER_ELEMENT = 48
/** Launches of a block's kernels. Assumed. */
export const BLOCK_OVERHEAD_US = 20
/** Tile of flash kernels with heads of 128 (reference section 6.2). */
const FLASH_TILE = { blockQ: 128, blockK: 128 } as const
/** 16-bit values on the wire, gradients summed in float32 (reference section 1.1). */
const HALF_PRECISION_WIRE = { kv: 2, query: 2, gradient: 4 } as const

export interface ClusterParts {
  readonly accelerator: AcceleratorEntry
  readonly link: LinkModel & Partial<Pick<LinkEntry, 'label'>>
  /** Consecutive ranks of a node and the link between nodes; null: one node. */
  readonly nodes: { readonly ranksPerNode: number; readonly link: LinkModel & Partial<Pick<LinkEntry, 'label'>> } | null
  /** Of the problem: what merging a row costs grows with it. */
  readonly headDim: number
}

const nameOf = ({ label, bandwidthGBps }: ClusterParts['link']): string => label ?? `${bandwidthGBps} GB/s`

/** Cost of a row and head in ns where memory of this bandwidth is what merging waits for. GB/s are bytes per ns. */
export const mergeRowNs = (headDim: number, memoryGBps: number): number => (MERGE_BYTES_PER_ELEMENT * headDim) / memoryGBps

/** A cluster of the accelerators and links of the planner's tables, with the rates that flash kernels reach on them. */
export function clusterOf({ accelerator, link, nodes, headDim }: ClusterParts): ClusterModel {
  const { label, peakTflops, forwardEfficiency, backwardEfficiency, memoryGB, memoryGBps } = accelerator
  const between = nodes === null ? '' : `; nodes of ${nodes.ranksPerNode} over ${nameOf(nodes.link)}`
  const modelOf = ({ bandwidthGBps, latencyUs }: LinkModel): LinkModel => ({ bandwidthGBps, latencyUs })
  return {
    label: `${label}, ${nameOf(link)}${between}`,
    device: {
      forwardGflops: peakTflops * 1000 * forwardEfficiency,
      backwardGflops: peakTflops * 1000 * backwardEfficiency,
      blockOverheadUs: BLOCK_OVERHEAD_US,
      rowNs: mergeRowNs(headDim, memoryGBps),
      tile: FLASH_TILE,
      memoryBytes: memoryGB * 1e9,
    },
    elementBytes: HALF_PRECISION_WIRE,
    intra: modelOf(link),
    inter: nodes === null ? null : modelOf(nodes.link),
    ranksPerNode: nodes?.ranksPerNode ?? null,
  }
}
