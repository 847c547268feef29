import type { RunConfig, RunConfigInput } from '../../kernels/config/runConfig.ts'
import { sweepMessage, type PrepareRequest, type SweepMessage, type SweepRequest } from '../../kernels/sweep/protocol.ts'
import type { RankHost, RankProcess } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { SweepCancelledError, SweepFailedError } from './errors.ts'

const LONGEST_STDERR = 2000

export interface PreparedCells {
  readonly device: string
  /** Operations of one measurement of each cell. */
  readonly flops: readonly number[]
  readonly probeNs: readonly number[]
}

type Answer<K extends SweepMessage['kind']> = Extract<SweepMessage, { kind: K }>

function environment(backend: PrepareRequest['backend'], { devices }: Pick<RunConfig, 'devices'>): Record<string, string> {
  if (backend !== 'tensorflow') return {}
  const device: Record<string, string> = devices === 'auto' ? {} : { CUDA_VISIBLE_DEVICES: String(devices[0]) }
  return { TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_CPP_MIN_LOG_LEVEL: '2', ...device }
}

/** The process that measures (kernels/sweep), asked one thing at a time. */
export class MeasuringProcess {
  readonly #child: RankProcess
  readonly #gone: Promise<void>
  readonly #describe: (cell: number) => string
  #lastCell: string | null = null
  #stderr = ''
  /** Of the question under way. */
  #reject: ((reason: Error) => void) | null = null
  #resolve: ((message: SweepMessage) => void) | null = null
  #over: Error | null = null

  /** @param describe a cell in words, for errors. */
  constructor(host: RankHost, installation: Installation, backend: PrepareRequest['backend'], config: RunConfig, describe: (cell: number) => string) {
    this.#describe = describe
    this.#child = host.spawn(installation.sweepEntry, { label: 'sweep', env: environment(backend, config) })
    this.#gone = new Promise((resolve) => { this.#child.onExit(() => { resolve() }) })
    this.#child.onStderr((text) => { this.#stderr = (this.#stderr + text).slice(-LONGEST_STDERR) })
    this.#child.onExit(({ code, signal }) => {
      const how = signal === null ? `ended with code ${code ?? 'unknown'}` : `was ended by ${signal}`
      const said = this.#stderr.trim()
      this.#fail(new SweepFailedError(`the measuring process ${how}${said === '' ? '' : `; it said: ${said}`}`, this.#lastCell))
    })
    this.#child.onMessage((raw) => {
      const parsed = sweepMessage.safeParse(raw)
      if (!parsed.success) this.#fail(new SweepFailedError('the measuring process sent something else than a measurement', this.#lastCell))
      else if (parsed.data.kind === 'failed') this.#fail(new SweepFailedError(parsed.data.message, this.#lastCell))
      else this.#resolve?.(parsed.data)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** @throws SweepFailedError, SweepCancelledError from here on. */
  async prepare(request: Omit<PrepareRequest, 'kind' | 'configs' | 'probes'> & { configs: readonly RunConfigInput[]; probes: readonly RunConfigInput[] }): Promise<PreparedCells> {
    return this.#ask({ ...request, kind: 'prepare', configs: [...request.configs], probes: [...request.probes] }, 'ready')
  }

  async check(cell: number): Promise<Answer<'checked'>> {
    const checked = await this.#ask({ kind: 'check', cell }, 'checked')
    this.#lastCell = this.#describe(cell)
    return checked
  }

  /** ns of one pass. */
  async measure(cell: number): Promise<number> {
    const { durationNs } = await this.#ask({ kind: 'measure', cell }, 'measured')
    this.#lastCell = this.#describe(cell)
    return durationNs
  }

  /** Gives up the question under way, and any later one. */
  abort(): void {
    this.#fail(new SweepCancelledError())
  }

  /** Ends the process and waits until it is gone: what comes next has the machine to itself. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  #fail(reason: Error): void {
    this.#over ??= reason
    this.#reject?.(this.#over)
  }

  async #ask<K extends SweepMessage['kind']>(request: SweepRequest, kind: K): Promise<Answer<K>> {
    const answer = await new Promise<SweepMessage>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      if (this.#over !== null) reject(this.#over)
      else this.#child.send(request)
    })
    if (answer.kind === kind) return answer as Answer<K>
    throw new SweepFailedError(`the measuring process answered "${answer.kind}" where "${kind}" was expected`, this.#lastCell)
  }
}
