import type { BackendId } from '../config/runConfig.ts'
import type { ArenaSpec } from './arena.ts'
import type { AttentionBackend, BackendSetup, ConcreteBackendId } from './backend.ts'
import { BackendUnavailableError } from './backend.ts'
import { createModelledBackend } from './modelled.ts'
import { TfjsBackend } from './tfjs/backend.ts'
import { findTensorflow, loadTensorflow, loadTfjsCpu, loadTfjsWasm } from './tfjs/runtimes.ts'
import { probeTensorflow, type TensorflowProber } from './tfjs/probe.ts'
import { createWasmBackend, wasmScratchBytes } from './wasm/backend.ts'
import { createWebgpuBackend } from './webgpu/backend.ts'
import { probeWebgpu, type WebgpuProber } from './webgpu/probe.ts'

export interface ResolvedBackend {
  readonly id: ConcreteBackendId
  /** What the user should know about the choice. */
  readonly warnings: readonly string[]
}

/** How to find out what native code would compute on, each in a process of its own. */
export interface BackendProbers {
  /** Called only where the addon is installed. */
  readonly tensorflow: TensorflowProber
  readonly webgpu: WebgpuProber
}

const PROBERS: BackendProbers = { tensorflow: probeTensorflow, webgpu: probeWebgpu }

/**
 * Turns what a config asks for into a backend that can run here. `auto` is `tensorflow` where its addon loads and
 * reports a GPU, else `webgpu` where it finds a hardware adapter, else `wasm`. Safe to call in a supervisor: native code
 * is only ever loaded in a process of its own.
 * @param probers by default in Node processes
 * @throws BackendUnavailableError for a backend that was asked for by name and cannot run.
 */
export async function resolveBackend(requested: BackendId, probers: BackendProbers = PROBERS): Promise<ResolvedBackend> {
  switch (requested) {
    case 'auto':
      return resolveAuto(probers)
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

async function resolveAuto(probers: BackendProbers): Promise<ResolvedBackend> {
  const warnings: string[] = []
  // The usual cases, an addon that is not there or is for the CPU, cost one look at the disk.
  const presence = findTensorflow()
  if (presence.present && !presence.cpuOnly) {
    const found = await probers.tensorflow()
    if (found.loads && found.usesGpu) return { id: 'tensorflow', warnings: [] }
    warnings.push(`TensorFlow is installed and not used: ${found.loads ? 'it found no GPU' : found.reason}`)
  }
  // A software adapter is slower than the wasm kernel; no adapter at all is nothing to warn of.
  const adapter = await probers.webgpu()
  return { id: adapter.available && adapter.hardware ? 'webgpu' : 'wasm', warnings }
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
    case 'webgpu': return createWebgpuBackend(setup)
    case 'modelled': return createModelledBackend(setup)
  }
}

/** Scratch in the arena: only the fused kernel keeps its accumulators there. */
export function scratchBytes(id: ConcreteBackendId, spec: ArenaSpec): number {
  return id === 'wasm' ? wasmScratchBytes(spec) : 0
}
