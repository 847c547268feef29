import type { BackendId } from '../config/runConfig.ts'
import type { AttentionBackend, BackendSetup, ConcreteBackendId, RankShape } from './backend.ts'
import { BackendUnavailableError } from './backend.ts'
import { createModelledBackend } from './modelled.ts'
import { TfjsBackend } from './tfjs/backend.ts'
import { findTensorflow, loadTensorflow, loadTfjsCpu, loadTfjsWasm } from './tfjs/runtimes.ts'
import { probeTensorflow, type TensorflowProber } from './tfjs/probe.ts'
import { createWasmBackend, wasmScratchBytes } from './wasm/backend.ts'

export interface ResolvedBackend {
  readonly id: ConcreteBackendId
  /** What the user should know about the choice. */
  readonly warnings: readonly string[]
}

/**
 * Turns what a config asks for into a backend that can run here. `auto` is `tensorflow` where its addon loads and
 * reports a GPU, else `wasm`. Safe to call in a supervisor: the addon is only ever loaded in a process of its own.
 * @param probe how to try the addon, called only where it is installed; by default in a Node process of its own.
 * @throws BackendUnavailableError for a backend that was asked for by name and cannot run.
 */
export async function resolveBackend(requested: BackendId, probe: TensorflowProber = probeTensorflow): Promise<ResolvedBackend> {
  switch (requested) {
    case 'auto':
      return resolveAuto(probe)
    case 'tensorflow': {
      // Whether it loads, the ranks find out, each in a process of its own.
      const presence = findTensorflow()
      if (!presence.present) throw new BackendUnavailableError('tensorflow', presence.reason)
      return { id: 'tensorflow', warnings: [] }
    }
    default:
      return { id: requested, warnings: [] }
  }
}

async function resolveAuto(probe: TensorflowProber): Promise<ResolvedBackend> {
  // The usual case, an addon that is not there, costs one look at the disk.
  if (!findTensorflow().present) return { id: 'wasm', warnings: [] }
  const found = await probe()
  if (found.loads && found.usesGpu) return { id: 'tensorflow', warnings: [] }
  const reason = found.loads ? 'it found no GPU' : found.reason
  return { id: 'wasm', warnings: [`TensorFlow is installed and not used: ${reason}`] }
}

/**
 * Makes a backend in this process, which should be a rank's: native addons may crash.
 * @throws BackendUnavailableError saying why it cannot run and what to do.
 */
export async function createBackend(id: ConcreteBackendId, setup: BackendSetup): Promise<AttentionBackend> {
  switch (id) {
    case 'wasm': return createWasmBackend(setup)
    case 'tensorflow': return new TfjsBackend(await loadTensorflow(), setup)
    case 'tfjs-wasm': return new TfjsBackend(await loadTfjsWasm(), setup)
    case 'tfjs-cpu': return new TfjsBackend(await loadTfjsCpu(), setup)
    case 'modelled': return createModelledBackend(setup)
  }
}

/** Scratch in the arena: only the fused kernel keeps its accumulators there. */
export function scratchBytes(id: ConcreteBackendId, shape: RankShape): number {
  return id === 'wasm' ? wasmScratchBytes(shape) : 0
}
