import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConcreteBackendId } from '../../kernels/backends/backend.ts'
import { findTensorflow, TENSORFLOW_PACKAGE, TENSORFLOW_REMEDY } from '../../kernels/backends/tfjs/runtimes.ts'
import { GPU_DRIVER_REMEDY, isHardwareDevice, WEBGPU_REMEDY } from '../../kernels/backends/webgpu/dawn.ts'
import type { DoctorCheck } from '../../preload/contract/machine.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { probeBackend, type ProbeAnswer } from './backendProbe.ts'

export type Probe = (backend: ConcreteBackendId) => Promise<ProbeAnswer>

async function validates(path: string): Promise<boolean> {
  return WebAssembly.validate(await readFile(path))
}

const accuracy = (answer: Extract<ProbeAnswer, { ok: true }>): string =>
  answer.maxAbsError === null ? answer.device : `${answer.device}; a small attention is right to ${answer.maxAbsError.toExponential(0)}`

async function checkWasm(kernelsDir: string, probe: Probe): Promise<DoctorCheck> {
  const check = { id: 'wasm', label: 'wasm' }
  const builds = [join(kernelsDir, 'attention.simd.wasm'), join(kernelsDir, 'attention.relaxed.wasm')]
  const missing = builds.filter((path) => !existsSync(path))
  if (missing.length > 0) {
    return { ...check, status: 'absent', detail: `not built: ${missing.join(' and ')}`, remedy: 'run "npm run build"' }
  }
  const answer = await probe('wasm')
  if (!answer.ok) return { ...check, status: 'broken', detail: answer.reason, remedy: 'run "npm run build" to build the kernels afresh' }
  const relaxed = await validates(builds[1])
  return {
    ...check, status: 'works', detail: accuracy(answer),
    remedy: relaxed ? null : 'the faster relaxed-SIMD build needs Node 22 or newer',
  }
}

/** For somebody who has a GPU. */
const CPU_ONLY_NOTE = 'its library has no GPU support: that comes from storage.googleapis.com only, where ' +
  '"npm run backend:tensorflow" looks first when the addon is not there'

async function checkTensorflow(root: string, probe: Probe): Promise<DoctorCheck> {
  const check = { id: 'tensorflow', label: 'tensorflow' }
  const found = findTensorflow(root)
  if (!found.present && found.missing === 'package') {
    return {
      ...check, status: 'absent', detail: `the optional package ${TENSORFLOW_PACKAGE} is not installed`,
      remedy: `run "npm ci --include=optional", then ${TENSORFLOW_REMEDY}`,
    }
  }
  if (!found.present) {
    return {
      ...check, status: 'absent',
      detail: 'TensorFlow through its own Node addon, on GPUs or the CPU; the addon is not there: it is fetched only when asked for',
      remedy: TENSORFLOW_REMEDY,
    }
  }
  const answer = await probe('tensorflow')
  return answer.ok
    ? { ...check, status: 'works', detail: accuracy(answer), remedy: found.cpuOnly ? CPU_ONLY_NOTE : null }
    : { ...check, status: 'broken', detail: answer.reason, remedy: TENSORFLOW_REMEDY }
}

async function checkWebgpu(probe: Probe): Promise<DoctorCheck> {
  const check = { id: 'webgpu', label: 'webgpu' }
  const answer = await probe('webgpu')
  if (!answer.ok) return { ...check, status: answer.absent === true ? 'absent' : 'broken', detail: answer.reason.replace(`; ${WEBGPU_REMEDY}`, ''), remedy: WEBGPU_REMEDY }
  return {
    ...check, status: 'works', detail: accuracy(answer),
    remedy: isHardwareDevice(answer.device) ? null : `this adapter computes on the CPU, slower than wasm: for a GPU, ${GPU_DRIVER_REMEDY}`,
  }
}

async function checkPortable(id: 'tfjs-wasm' | 'tfjs-cpu' | 'modelled', probe: Probe): Promise<DoctorCheck> {
  const answer = await probe(id)
  return answer.ok
    ? { id, label: id, status: 'works', detail: accuracy(answer), remedy: null }
    : { id, label: id, status: 'broken', detail: answer.reason, remedy: 'run "npm ci" to install the packages afresh' }
}

/** Tries every backend in a process of its own. */
export function checkBackends(installation: Installation, rankHost: RankHost, probe?: Probe): Promise<DoctorCheck[]> {
  const tryIt = probe ?? ((backend) => probeBackend(backend, installation, rankHost))
  return Promise.all([
    checkWasm(installation.kernelsDir, tryIt),
    checkTensorflow(installation.root, tryIt),
    checkWebgpu(tryIt),
    checkPortable('tfjs-wasm', tryIt),
    checkPortable('tfjs-cpu', tryIt),
    checkPortable('modelled', tryIt),
  ])
}
