import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { ConcreteBackendId } from '../../kernels/backends/backend.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'

const QUERY_TIMEOUT_MS = 5000

/** The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them; empty when there are none. */
async function visibleDevices(): Promise<string[]> {
  const chosen = process.env['CUDA_VISIBLE_DEVICES']
  if (chosen !== undefined) return chosen.split(',').filter((device) => device !== '' && device !== '-1')
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi', ['--query-gpu=index', '--format=csv,noheader'], { timeout: QUERY_TIMEOUT_MS })
    return stdout.split('\n').map((line) => line.trim()).filter((line) => line !== '')
  } catch {
    // No driver, no tool: no GPU.
    return []
  }
}

/**
 * The variables that give each rank its own GPU.
 * @param visible how to find the GPUs.
 */
export async function deviceEnvironments(
  config: RunConfig, backend: ConcreteBackendId, visible: () => Promise<readonly string[]> = visibleDevices,
): Promise<{ readonly environments: readonly Record<string, string>[]; readonly warnings: readonly string[] }> {
  const ranks = Array.from({ length: config.world }, (_, rank) => rank)
  if (backend !== 'tensorflow') return { environments: ranks.map(() => ({})), warnings: [] }
  const devices = config.devices === 'auto' ? await visible() : config.devices.map(String)
  const used = new Set(devices.slice(0, config.world)).size
  const warnings = used > 0 && used < config.world
    ? [`${config.world} ranks share ${used} ${used === 1 ? 'GPU' : 'GPUs'}: they take turns, which shows as longer compute and waiting`]
    : []
  const growth = { TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_CPP_MIN_LOG_LEVEL: '2' }
  return {
    environments: ranks.map((rank) => devices.length === 0
      ? growth
      : { ...growth, CUDA_VISIBLE_DEVICES: devices[rank % devices.length] }),
    warnings,
  }
}
