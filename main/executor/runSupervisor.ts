import { VERIFY_TOLERANCE } from '../../kernels/attention/verify.ts'
import { BackendUnavailableError } from '../../kernels/backends/backend.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { FromRank, ToRankMessage } from '../../kernels/rank/protocol.ts'
import { runClock, type RunClock } from '../../kernels/timeline/clock.ts'
import type { ClockAnchor, IterationWindow, RunFailure, RunPhase, RunProgress, RunRecord, Verification } from '../../preload/contract/run.ts'
import type { Installation } from '../installation.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { bestExplanation, type Evidence, type FailureReport } from './blame.ts'
import { clockReading, ROUND_TRIPS, type ClockReading, type RoundTrip } from './clockSync.ts'
import { RunEndedError } from './errors.ts'
import { LiveTimeline } from './liveTimeline.ts'
import { prepareRun, type Preparation } from './preparation.ts'
import type { RankExit, RankHost } from './rankHost.ts'
import { RankPeer } from './rankPeer.ts'
import { createRunFolders, type RunFolders } from './runFolders.ts'
import { StallWatch } from './stallWatch.ts'

/** How far ahead of "go" an iteration starts, so that the last rank has heard it: a part for each message sent. */
const START_LEAD_NS = 2e6
const START_LEAD_NS_PER_RANK = 0.5e6
/** How long reports are gathered before one is blamed. */
const GATHER_MS = 200
/** How long ranks have to end by themselves after the last iteration, and to be gone after a kill. */
const STOP_MS = 3000
const KILL_MS = 1000
const STARTUP_TIMEOUT_MS = 30_000
/** Processes start one after the other where cores are few. */
const STARTUP_TIMEOUT_MS_PER_RANK = 500
/** Loading TensorFlow and its GPU libraries takes its time. */
const TENSORFLOW_STARTUP_TIMEOUT_MS = 180_000
const TENSORFLOW_TOLERANCE = 5e-3

export interface SupervisorOptions {
  readonly installation: Installation
  readonly rankHost: RankHost
  readonly stallTimeoutMs: number
  readonly startupTimeoutMs: number | undefined
}

export interface SupervisorEvents {
  progress(): void
  spans(): void
}

/** Takes one run from its config to its record: starts the ranks, keeps them in step, and cleans up after them. */
export class RunSupervisor {
  readonly #config: RunConfig
  readonly #options: SupervisorOptions
  readonly #events: SupervisorEvents
  readonly #live: LiveTimeline
  readonly #startedAt = new Date().toISOString()
  readonly #clock: RunClock = runClock(process.hrtime.bigint())
  readonly #ended = Promise.withResolvers<never>()
  readonly #reports: FailureReport[] = []
  #peers: readonly RankPeer[] = []
  #preparation: Preparation | null = null
  #phase: RunPhase = 'starting'
  #stopping = false
  #device = ''
  #computes = false
  #windows: IterationWindow[] = []
  #startClocks: readonly ClockReading[] = []
  #endClocks: readonly ClockReading[] = []
  #recorderOverheadNs = 0
  #verification: Verification | null = null
  #outputChecksum: number | null = null
  #failure: RunFailure | null = null

  constructor(config: RunConfig, options: SupervisorOptions, events: SupervisorEvents) {
    this.#config = config
    this.#options = options
    this.#events = events
    this.#live = new LiveTimeline(config.name, config.world)
    this.#ended.promise.catch(() => undefined)
  }

  timeline(): Timeline {
    return this.#live.timeline(this.#record())
  }

  progress(): Omit<RunProgress, 'runId' | 'timelineId'> {
    return {
      phase: this.#phase,
      iterations: this.#config.warmup + this.#config.iterations,
      ranks: this.#peers.map((peer) => peer.progress),
    }
  }

  cancel(): void {
    this.#report('cancelled', { kind: 'cancelled', rank: null, iteration: null, step: null, lastSpan: null, message: 'cancelled' })
  }

  /**
   * @returns the whole timeline; of a run that failed, what there is of it, with `run.failure` set.
   * @throws BackendUnavailableError, ArenaTooLargeError, InvalidInputError when nothing could be started.
   */
  async run(): Promise<Timeline> {
    let folders: RunFolders | null = null
    try {
      const preparation = await Promise.race([
        prepareRun(this.#config, this.#options.installation, this.#options.rankHost), this.#ended.promise,
      ])
      this.#preparation = preparation
      folders = createRunFolders(preparation.transport === 'shared-memory' && this.#config.world > 1)
      await this.#drive(preparation, folders)
      this.#enter('finished')
    } catch (error) {
      if (!(error instanceof RunEndedError)) throw error
      if (error.original !== undefined) throw error.original
      this.#failure = error.failure
      this.#enter(error.failure.kind === 'cancelled' ? 'cancelled' : 'failed')
    } finally {
      this.#stopping = true
      await this.#removeRanks()
      folders?.remove()
    }
    return this.timeline()
  }

  async #drive(preparation: Preparation, folders: RunFolders): Promise<void> {
    await this.#start(preparation, folders)
    const watch = new StallWatch(this.#options.stallTimeoutMs + longestWaitMs(this.#config, preparation))
    const timer = setInterval(() => this.#look(watch), watch.intervalMs)
    try {
      this.#startClocks = await this.#readClocks()
      const total = this.#config.warmup + this.#config.iterations
      for (let iteration = 0; iteration < total; iteration++) {
        this.#enter(iteration < this.#config.warmup ? 'warm-up' : 'measuring')
        await this.#iterate(iteration)
      }
      this.#endClocks = await this.#readClocks()
      if (this.#config.verify && this.#computes) await this.#verify(preparation)
      this.#stopping = true
      this.#broadcast({ type: 'stop' })
      await Promise.race([Promise.all(this.#peers.map((peer) => peer.gone)), pauseMs(STOP_MS)])
    } finally {
      clearInterval(timer)
    }
  }

  async #start(preparation: Preparation, folders: RunFolders): Promise<void> {
    const { installation, rankHost, startupTimeoutMs } = this.#options
    const usualMs = preparation.backend === 'tensorflow' ? TENSORFLOW_STARTUP_TIMEOUT_MS : STARTUP_TIMEOUT_MS
    const limitMs = startupTimeoutMs ?? usualMs + STARTUP_TIMEOUT_MS_PER_RANK * this.#config.world
    const started = new Set<number>()
    const timer = setTimeout(() => this.#startedTooLate(started, limitMs), limitMs)
    try {
      const events = {
        message: (peer: RankPeer, message: FromRank) => this.#onMessage(peer, message),
        garbled: (peer: RankPeer, error: Error) => this.#blame('reported', peer, 'crashed', error.message),
        exited: (peer: RankPeer, exit: RankExit) => this.#onExit(peer, exit),
      }
      this.#peers = preparation.environments.map((env, rank) =>
        new RankPeer(rank, rankHost.spawn(installation.rankEntry, { label: `rank ${rank}`, env }), events))
      const hello = this.#all('hello')
      this.#events.progress()
      await hello
      await this.#ask('listening', (peer) => this.#setupOf(peer.rank, preparation, folders))
      const connected = this.#all('connected', (peer) => started.add(peer.rank))
      this.#broadcast({ type: 'connect' })
      const answers = await connected
      this.#device = [...new Set(answers.map((answer) => answer.device))].join('; ')
      this.#computes = answers[0].computes
      this.#recorderOverheadNs = Math.max(...answers.map((answer) => answer.recorderOverheadNs))
    } finally {
      clearTimeout(timer)
    }
  }

  #setupOf(rank: number, preparation: Preparation, folders: RunFolders): ToRankMessage {
    const { installation } = this.#options
    const { world } = this.#config
    return {
      type: 'setup', rank, config: this.#config,
      backend: preparation.backend,
      kernelsDir: installation.kernelsDir,
      commEntry: installation.commEntry,
      originNs: String(this.#clock.originNs),
      ownAddress: folders.address(rank),
      previousAddress: folders.address((rank + world - 1) % world),
      slotDir: folders.slotDir,
      copyThreads: preparation.copyThreads,
      parentPid: process.pid,
      ownedFolders: folders.slotDir === null ? [folders.runDir] : [folders.runDir, folders.slotDir],
    }
  }

  async #iterate(iteration: number): Promise<void> {
    await this.#ask('ready', () => ({ type: 'prepare', iteration }))
    const done = this.#all('iteration-done')
    const startAtNs = this.#clock.now() + START_LEAD_NS + START_LEAD_NS_PER_RANK * this.#config.world
    this.#broadcast({ type: 'iterate', iteration, startAtNs })
    const ends = (await done).map((answer) => answer.endNs)
    this.#windows.push({ iteration, warmup: iteration < this.#config.warmup, startNs: startAtNs, endNs: Math.max(...ends) })
  }

  /** One rank after the other, so that they do not wait for each other's answers. */
  async #readClocks(): Promise<ClockReading[]> {
    const readings: ClockReading[] = []
    for (const peer of this.#peers) {
      const trips: RoundTrip[] = []
      for (let id = 0; id < ROUND_TRIPS; id++) {
        const pong = peer.next('clock-pong')
        const sentNs = this.#clock.now()
        peer.send({ type: 'clock-ping', id })
        const { nowNs } = await this.#orEnd(pong)
        trips.push({ sentNs, childNs: nowNs, receivedNs: this.#clock.now() })
      }
      readings.push(clockReading(trips))
    }
    return readings
  }

  async #verify({ backend }: Preparation): Promise<void> {
    this.#enter('verifying')
    const answers = await this.#ask('verified', () => ({ type: 'verify' }))
    const maxAbsError = Math.max(...answers.map((answer) => answer.maxAbsError))
    const tolerance = backend === 'tensorflow' ? TENSORFLOW_TOLERANCE : VERIFY_TOLERANCE
    this.#verification = {
      checkedRows: answers.reduce((sum, answer) => sum + answer.checkedRows, 0),
      maxAbsError, maxAbsGradError: null, tolerance, passed: maxAbsError <= tolerance,
    }
    this.#outputChecksum = answers.reduce((sum, answer) => sum + answer.checksum, 0)
  }

  /** Sends every rank a message and waits for all their answers, in rank order. */
  #ask<T extends FromRank['type']>(type: T, question: (peer: RankPeer) => ToRankMessage): Promise<Extract<FromRank, { type: T }>[]> {
    const answers = this.#all(type)
    for (const peer of this.#peers) peer.send(question(peer))
    return answers
  }

  /** Every rank's next message of a type, in rank order. @throws RunEndedError when the run ends before. */
  #all<T extends FromRank['type']>(type: T, each?: (peer: RankPeer) => void): Promise<Extract<FromRank, { type: T }>[]> {
    return this.#orEnd(Promise.all(this.#peers.map(async (peer) => {
      const answer = await peer.next(type)
      each?.(peer)
      return answer
    })))
  }

  #orEnd<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#ended.promise])
  }

  #broadcast(message: ToRankMessage): void {
    for (const peer of this.#peers) peer.send(message)
  }

  #onMessage(peer: RankPeer, message: FromRank): void {
    switch (message.type) {
      case 'progress':
        peer.progress = {
          rank: peer.rank, iteration: Math.max(0, message.iteration), step: Math.max(0, message.step), state: message.state,
        }
        this.#events.progress()
        break
      case 'spans':
        this.#append(peer, message.batch)
        break
      case 'iteration-done':
        peer.progress = { rank: peer.rank, iteration: message.iteration, step: this.#config.world - 1, state: 'done' }
        this.#append(peer, message.batch)
        this.#events.progress()
        break
      case 'failed':
        if (message.batch !== null) this.#append(peer, message.batch)
        this.#onFailed(peer, message)
        break
      default:
        break
    }
  }

  #append(peer: RankPeer, batch: Parameters<LiveTimeline['append']>[1]): void {
    this.#live.append(peer.rank, batch)
    this.#events.spans()
  }

  #onFailed(peer: RankPeer, message: Extract<FromRank, { type: 'failed' }>): void {
    if (message.iteration >= 0) {
      peer.progress = { rank: peer.rank, iteration: message.iteration, step: Math.max(0, message.step), state: 'failed' }
    }
    if (message.errorName === 'BackendUnavailableError' && this.#preparation !== null) {
      const { backend } = this.#preparation
      const reason = message.message.replace(`backend "${backend}" is not available: `, '')
      this.#blame('reported', peer, 'refused', message.message, new BackendUnavailableError(backend, reason))
    } else if (message.reason === 'peer-lost') {
      this.#blame('lost-peer', peer, 'crashed', message.message)
    } else {
      this.#blame('reported', peer, message.reason === 'refused' ? 'refused' : 'crashed', message.message)
    }
  }

  #onExit(peer: RankPeer, { code, signal }: RankExit): void {
    if (this.#stopping) return
    const how = signal !== null ? `was ended by ${signal}`
      : code !== null ? `ended with exit code ${code}` : 'could not be started'
    const words = signal === null ? peer.lastWords : null
    this.#blame('exited', peer, 'crashed', words === null ? `its process ${how}` : `its process ${how}: ${words}`)
  }

  #look(watch: StallWatch): void {
    const stall = watch.look(this.#peers, performance.now())
    if (stall === null) return
    const seconds = (stall.silentMs / 1000).toFixed(1)
    this.#blame('silent', this.#peers[stall.rank], 'timed-out', stall.stopped
      ? `its process is stopped (by a signal or a debugger) and has said nothing for ${seconds} s`
      : `nothing was heard of it for ${seconds} s`)
  }

  #startedTooLate(started: ReadonlySet<number>, limitMs: number): void {
    const late = this.#peers.find((peer) => !started.has(peer.rank))
    if (late !== undefined) this.#blame('silent', late, 'timed-out', `it was not ready ${(limitMs / 1000).toFixed(1)} s after the start`)
  }

  #blame(evidence: Evidence, peer: RankPeer, kind: RunFailure['kind'], what: string, cause?: Error): void {
    const { iteration, step } = peer.progress
    const running = this.#phase === 'warm-up' || this.#phase === 'measuring'
    const where = running ? ` in iteration ${iteration}, step ${step}` : this.#phase === 'starting' ? ' at the start' : ''
    this.#report(evidence, {
      kind, rank: peer.rank,
      iteration: running ? iteration : null,
      step: running ? step : null,
      // Its last spans may still be on their way: filled in when the run is over.
      lastSpan: null,
      message: `rank ${peer.rank} failed${where}: ${what}`,
    }, cause)
  }

  #report(evidence: Evidence, failure: RunFailure, cause?: Error): void {
    if (this.#stopping) return
    this.#reports.push(cause === undefined ? { evidence, failure } : { evidence, failure, cause })
    if (evidence === 'cancelled') this.#conclude()
    else if (this.#reports.length === 1) setTimeout(() => this.#conclude(), GATHER_MS)
  }

  #conclude(): void {
    const [first, ...others] = this.#reports
    const report = bestExplanation([first, ...others])
    const { rank } = report.failure
    const lastSpan = rank === null ? null : this.#live.lastSpan(rank)
    if (rank !== null && report.failure.kind !== 'cancelled') {
      const peer = this.#peers[rank]
      peer.progress = { ...peer.progress, state: 'failed' }
    }
    this.#ended.reject(new RunEndedError({ ...report, failure: { ...report.failure, lastSpan } }))
  }

  #enter(phase: RunPhase): void {
    if (phase === this.#phase) return
    this.#phase = phase
    this.#events.progress()
  }

  /** Ends what still runs and waits until it is gone, so that its files can be removed. */
  async #removeRanks(): Promise<void> {
    for (const peer of this.#peers) peer.kill()
    await Promise.race([Promise.all(this.#peers.map((peer) => peer.gone)), pauseMs(KILL_MS)])
  }

  #record(): RunRecord {
    const preparation = this.#preparation
    return {
      config: this.#config,
      backend: preparation?.backend ?? this.#config.backend,
      device: this.#device,
      transport: preparation?.transport ?? 'socket',
      modelled: (preparation?.backend ?? this.#config.backend) === 'modelled',
      warnings: preparation?.warnings ?? [],
      iterations: [...this.#windows],
      clocks: this.#startClocks.map((start, rank): ClockAnchor => ({
        rank,
        startOffsetNs: start.offsetNs, startUncertaintyNs: start.uncertaintyNs,
        endOffsetNs: this.#endClocks[rank]?.offsetNs ?? null, endUncertaintyNs: this.#endClocks[rank]?.uncertaintyNs ?? null,
      })),
      recorderOverheadNs: this.#recorderOverheadNs,
      causalityViolations: this.#live.causalityViolations,
      verification: this.#verification,
      outputChecksum: this.#outputChecksum,
      failure: this.#failure,
      startedAt: this.#startedAt,
    }
  }
}

/** A modelled step sleeps on its thread without a word; that long is no stall. */
function longestWaitMs(config: RunConfig, { plan, backend }: Preparation): number {
  if (backend !== 'modelled' || config.model === null) return 0
  const pairs = Math.max(...plan.ranks.flatMap((rank) => rank.steps.map((step) => step.pairs)))
  return (pairs * plan.flopsPerPair) / config.model.gflops / 1e6
}

function pauseMs(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
