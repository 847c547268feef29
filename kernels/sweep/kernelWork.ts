import { fusedWork } from './fusedWork.ts'
import { genericWork } from './genericWork.ts'
import type { TiledBlock, TileWork } from './tileWork.ts'

/** Null for kernels whose work on a processor of its own is not modelled: those of GPUs. */
export function kernelWork(block: TiledBlock): TileWork | null {
  switch (block.backend) {
    case 'wasm': return fusedWork(block)
    case 'tfjs-wasm':
    case 'tfjs-cpu': return genericWork(block)
    default: return null
  }
}
