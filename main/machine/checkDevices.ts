import { cpus } from 'node:os'
import type { DoctorCheck } from '../../preload/contract/machine.ts'
import type { RunCommand } from './command.ts'

const QUERY = ['--query-gpu=index,name,memory.total,driver_version,compute_cap', '--format=csv,noheader,nounits']

function gpuCheck(line: string): DoctorCheck {
  const [index, name, memoryMib, driver, capability] = line.split(',').map((cell) => cell.trim())
  const memory = Number(memoryMib)
  const detail = [
    Number.isFinite(memory) ? `${(memory / 1024).toFixed(1)} GiB` : `memory ${memoryMib}`,
    `driver ${driver}`, `compute capability ${capability}`,
  ].join(', ')
  return { id: `gpu-${index}`, label: `GPU ${index}, ${name}`, status: 'works', detail, remedy: null }
}

/** The CPU, and every NVIDIA GPU that its driver lists. */
export async function checkDevices(run: RunCommand): Promise<DoctorCheck[]> {
  const cores = cpus()
  const cpu: DoctorCheck = {
    id: 'cpu', label: 'CPU', status: 'works', detail: `${cores.length} x ${cores[0]?.model ?? process.arch}`, remedy: null,
  }
  const answer = await run('nvidia-smi', QUERY)
  if (answer.kind === 'missing') {
    return [cpu, {
      id: 'gpu', label: 'NVIDIA GPU', status: 'absent', detail: 'nvidia-smi is not on this machine',
      remedy: 'where there is a GPU, install the NVIDIA driver; without one, runs use the CPU',
    }]
  }
  if (answer.kind === 'failed') {
    return [cpu, { id: 'gpu', label: 'NVIDIA GPU', status: 'broken', detail: answer.message.split('\n')[0], remedy: 'check the NVIDIA driver with "nvidia-smi"' }]
  }
  const lines = answer.stdout.split('\n').filter((line) => line.trim() !== '')
  if (lines.length === 0) {
    return [cpu, { id: 'gpu', label: 'NVIDIA GPU', status: 'absent', detail: 'the driver lists none', remedy: null }]
  }
  return [cpu, ...lines.map(gpuCheck)]
}
