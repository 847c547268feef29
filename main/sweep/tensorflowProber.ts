import { TENSORFLOW_GPU } from '../../kernels/backends/tfjs/runtimes.ts'
import type { TensorflowProber } from '../../kernels/backends/tfjs/probe.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { probeBackend } from '../machine/backendProbe.ts'

/**
 * Tries TensorFlow's addon in a process of the host's own kind: in the desktop app, whose executable cannot run as Node,
 * the only way there is.
 */
export function tensorflowProber(installation: Installation, rankHost: RankHost): TensorflowProber {
  return async () => {
    const answer = await probeBackend('tensorflow', installation, rankHost)
    return answer.ok ? { loads: true, usesGpu: answer.device === TENSORFLOW_GPU } : { loads: false, reason: answer.reason }
  }
}
