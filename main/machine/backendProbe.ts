import { z } from 'zod'
import type { ConcreteBackendId } from '../../kernels/backends/backend.ts'
import { BACKENDS } from '../../kernels/config/runConfig.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'

const probeAnswer = z.discriminatedUnion('ok', [
  /** `maxAbsError` is against float64, null where nothing is computed. */
  z.object({ ok: z.literal(true), device: z.string(), maxAbsError: z.number().nullable() }),
  /** `absent`: something that it needs is not on this machine. Else it is there and does not work. */
  z.object({ ok: z.literal(false), reason: z.string(), absent: z.boolean().optional() }),
])
export type ProbeAnswer = z.output<typeof probeAnswer>

const BACKEND_VARIABLE = 'RINGSCOPE_PROBE_BACKEND'
const KERNELS_VARIABLE = 'RINGSCOPE_PROBE_KERNELS'
/** A GPU's first start compiles for up to a minute. */
const TIMEOUT_MS = 120_000
const LONGEST_STDERR = 2000

/** What the probing process was asked for. @throws ZodError when it was started by anybody else. */
export function probeRequest(env: NodeJS.ProcessEnv): { backend: ConcreteBackendId; kernelsDir: string } {
  return {
    backend: z.enum(BACKENDS).exclude(['auto']).parse(env[BACKEND_VARIABLE]),
    kernelsDir: z.string().parse(env[KERNELS_VARIABLE]),
  }
}

/** Computes a small attention with a backend in a process of its own. Never rejects; leaves no process behind. */
export function probeBackend(backend: ConcreteBackendId, installation: Installation, rankHost: RankHost): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const child = rankHost.spawn(installation.probeEntry, {
      label: `probe of ${backend}`,
      env: { [BACKEND_VARIABLE]: backend, [KERNELS_VARIABLE]: installation.kernelsDir, TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_CPP_MIN_LOG_LEVEL: '2' },
    })
    let stderr = ''
    const finish = (outcome: ProbeAnswer): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      resolve(outcome)
    }
    const timer = setTimeout(() => { finish({ ok: false, reason: `no answer within ${TIMEOUT_MS / 1000} s` }) }, TIMEOUT_MS)
    child.onStderr((text) => { stderr = (stderr + text).slice(-LONGEST_STDERR) })
    child.onMessage((message) => {
      const parsed = probeAnswer.safeParse(message)
      finish(parsed.success ? parsed.data : { ok: false, reason: 'the probing process sent something else than an answer' })
    })
    child.onExit(({ code, signal }) => {
      const how = signal === null ? `ended with code ${code ?? 'unknown'}` : `was ended by ${signal}`
      const said = stderr.trim().split('\n').at(-1) ?? ''
      finish({ ok: false, reason: `the process that tried it ${how}${said === '' ? '' : `: ${said}`}` })
    })
  })
}
