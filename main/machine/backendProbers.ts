import type { BackendProbers } from '../../kernels/backends/create.ts'
import { TENSORFLOW_GPU } from '../../kernels/backends/tfjs/runtimes.ts'
import { isHardwareDevice } from '../../kernels/backends/webgpu/dawn.ts'
import { probeWebgpu, type WebgpuProbe } from '../../kernels/backends/webgpu/probe.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { probeBackend } from './backendProbe.ts'

let desktopWebgpu: Promise<WebgpuProbe> | undefined

/**
 * Tries native backends in processes of the host's own kind: in the desktop app, whose executable cannot run as Node, the
 * only way there is. Elsewhere asking Dawn alone is quicker than computing with it.
 */
export function backendProbers(installation: Installation, rankHost: RankHost): BackendProbers {
  const webgpu = async (): Promise<WebgpuProbe> => {
    const answer = await probeBackend('webgpu', installation, rankHost)
    return answer.ok
      ? { available: true, device: answer.device, hardware: isHardwareDevice(answer.device) }
      : { available: false, reason: answer.reason }
  }
  return {
    async tensorflow() {
      const answer = await probeBackend('tensorflow', installation, rankHost)
      return answer.ok ? { loads: true, usesGpu: answer.device === TENSORFLOW_GPU } : { loads: false, reason: answer.reason }
    },
    webgpu: () => (process.versions.electron === undefined ? probeWebgpu() : desktopWebgpu ??= webgpu()),
  }
}
