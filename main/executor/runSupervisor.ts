import { toleranceOf } from '../../kernels/backends/tolerance.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { FromRank } from '../../kernels/rank/protocol.ts'
import { runClock, type RunClock } from '../../kernels/timeline/clock.ts'
import type { ClockAnchor, IterationWindow, RunFailure, RunPhase, RunProgress, RunRecord, Verification } from '../../preload/contract/run.ts'
import type { Installation } from '../installation.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { ClockReading } from './clockSync.ts'
import { RunEndedError } from './errors.ts'
import { FailureDesk } from './failureDesk.ts'
import { FaultFinder } from './faultFinder.ts'
import { LiveTimeline } from './liveTimeline.ts'
import { longestSilenceMs, prepareRun, type Preparation } from './preparation.ts'
import type { RankExit, RankHost } from './rankHost.ts'
import { RankPeer } from './rankPeer.ts'
import { RankRing } from './rankRing.ts'
import { rankSetup } from './rankSetup.ts'
import { createRunFolders, type RunFolders } from './runFolders.ts'
import { StallWatch } from './stallWatch.ts'
import { verificationOf } from './verification.ts'

/** How far ahead of "go" an iteration starts, so that the last rank has heard it: a part for each message sent. */
const START_LEAD_NS = 2e6
const START_LEAD_NS_PER_RANK = 0.5e6
/** How long ranks have to end by themselves after the last iteration, and to be gone after a kill. */
const STOP_MS = 3000
const KILL_MS = 1000
const STARTUP_TIMEOUT_MS = 30_000
/** Processes start one after the other where cores are few. */
const STARTUP_TIMEOUT_MS_PER_RANK = 500
/** Loading TensorFlow and its GPU libraries takes its time. */
const TENSORFLOW_STARTUP_TIMEOUT_MS = 180_000

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
  readonly #plan: Plan
  readonly #options: SupervisorOptions
  readonly #events: SupervisorEvents
  readonly #live: LiveTimeline
  readonly #startedAt = new Date().toISOString()
  readonly #clock: RunClock = runClock(process.hrtime.bigint())
  readonly #desk = new FailureDesk((report) => this.#faults.completed(report))
  readonly #faults = new FaultFinder({
    plan: () => this.#plan,
    peers: () => this.#ring.peers,
    phase: () => this.#phase,
    backend: () => this.#preparation?.backend ?? null,
    lastSpan: (rank) => this.#live.lastSpan(rank),
    report: (evidence, failure, cause) => this.#desk.report(evidence, failure, cause),
  })
  #ring: RankRing
  #preparation: Preparation | null = null
  #phase: RunPhase = 'starting'
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
    this.#plan = planRun(config)
    this.#options = options
    this.#events = events
    this.#live = new LiveTimeline(config.name, this.#plan)
    this.#ring = new RankRing([], this.#desk.ended)
  }

  timeline(): Timeline {
    return this.#live.timeline(this.#record())
  }

  progress(): Omit<RunProgress, 'runId' | 'timelineId'> {
    return {
      phase: this.#phase,
      iterations: this.#config.warmup + this.#config.iterations,
      ranks: this.#ring.peers.map((peer) => peer.progress),
    }
  }

  cancel(): void {
    this.#desk.report('cancelled', { kind: 'cancelled', rank: null, iteration: null, step: null, lastSpan: null, message: 'cancelled' })
  }

  /**
   * @returns the whole timeline; of a run that failed, what there is of it, with `run.failure` set.
   * @throws BackendUnavailableError, ArenaTooLargeError, InvalidInputError when nothing could be started.
   */
  async run(): Promise<Timeline> {
    let folders: RunFolders | null = null
    try {
      const preparation = await Promise.race([
        prepareRun(this.#config, this.#plan, this.#options.installation, this.#options.rankHost), this.#desk.ended,
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
      this.#desk.close()
      // What still runs ends here, and before its files are removed.
      this.#ring.kill()
      await this.#ring.gone(KILL_MS)
      folders?.remove()
    }
    return this.timeline()
  }

  async #drive(preparation: Preparation, folders: RunFolders): Promise<void> {
    await this.#start(preparation, folders)
    const watch = new StallWatch(this.#options.stallTimeoutMs + longestSilenceMs(this.#config, this.#plan, preparation.backend))
    const timer = setInterval(() => this.#faults.look(watch), watch.intervalMs)
    try {
      this.#startClocks = await this.#ring.readClocks(this.#clock)
      const total = this.#config.warmup + this.#config.iterations
      for (let iteration = 0; iteration < total; iteration++) {
        this.#enter(iteration < this.#config.warmup ? 'warm-up' : 'measuring')
        await this.#iterate(iteration)
      }
      this.#endClocks = await this.#ring.readClocks(this.#clock)
      if (this.#config.verify && this.#computes) await this.#verify(preparation)
      this.#desk.close()
      this.#ring.broadcast({ type: 'stop' })
      await this.#ring.gone(STOP_MS)
    } finally {
      clearInterval(timer)
    }
  }

  async #start(preparation: Preparation, folders: RunFolders): Promise<void> {
    const { installation, rankHost, startupTimeoutMs } = this.#options
    const usualMs = preparation.backend === 'tensorflow' ? TENSORFLOW_STARTUP_TIMEOUT_MS : STARTUP_TIMEOUT_MS
    const limitMs = startupTimeoutMs ?? usualMs + STARTUP_TIMEOUT_MS_PER_RANK * this.#config.world
    const started = new Set<number>()
    const timer = setTimeout(() => this.#faults.startedTooLate(started, limitMs), limitMs)
    try {
      const events = {
        message: (peer: RankPeer, message: FromRank) => this.#onMessage(peer, message),
        garbled: (peer: RankPeer, error: Error) => this.#faults.garbled(peer, error),
        exited: (peer: RankPeer, exit: RankExit) => this.#faults.exited(peer, exit),
      }
      // One after the other: should the system refuse one, those before it are known and are ended.
      const peers: RankPeer[] = []
      this.#ring = new RankRing(peers, this.#desk.ended)
      for (const [rank, env] of preparation.environments.entries()) {
        peers.push(new RankPeer(rank, rankHost.spawn(installation.rankEntry, { label: `rank ${rank}`, env }), events))
      }
      const hello = this.#ring.all('hello')
      this.#events.progress()
      await hello
      await this.#ring.ask('listening', (peer) => rankSetup(peer.rank, {
        config: this.#config, plan: this.#plan, preparation, folders, installation, originNs: this.#clock.originNs,
      }))
      const connected = this.#ring.all('connected', (peer) => started.add(peer.rank))
      this.#ring.broadcast({ type: 'connect' })
      const answers = await connected
      this.#device = [...new Set(answers.map((answer) => answer.device))].join('; ')
      this.#computes = answers[0].computes
      this.#recorderOverheadNs = Math.max(...answers.map((answer) => answer.recorderOverheadNs))
    } finally {
      clearTimeout(timer)
    }
  }

  async #iterate(iteration: number): Promise<void> {
    await this.#ring.ask('ready', () => ({ type: 'prepare', iteration }))
    const done = this.#ring.all('iteration-done')
    const startAtNs = this.#clock.now() + START_LEAD_NS + START_LEAD_NS_PER_RANK * this.#config.world
    this.#ring.broadcast({ type: 'iterate', iteration, startAtNs })
    const ends = (await done).map((answer) => answer.endNs)
    this.#windows.push({ iteration, warmup: iteration < this.#config.warmup, startNs: startAtNs, endNs: Math.max(...ends) })
  }

  async #verify({ backend }: Preparation): Promise<void> {
    this.#enter('verifying')
    const answers = await this.#ring.ask('verified', () => ({ type: 'verify' }))
    const tolerance = toleranceOf(backend, this.#config.wireDtype)
    this.#verification = verificationOf(answers, tolerance, this.#config.pass)
    this.#outputChecksum = answers.reduce((sum, answer) => sum + answer.checksum, 0)
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
        peer.progress = { rank: peer.rank, iteration: message.iteration, step: this.#plan.stepCount - 1, state: 'done' }
        this.#append(peer, message.batch)
        this.#events.progress()
        break
      case 'failed':
        if (message.batch !== null) this.#append(peer, message.batch)
        this.#faults.failed(peer, message)
        break
      default:
        break
    }
  }

  #append(peer: RankPeer, batch: Parameters<LiveTimeline['append']>[1]): void {
    this.#live.append(peer.rank, batch)
    this.#events.spans()
  }

  #enter(phase: RunPhase): void {
    if (phase === this.#phase) return
    this.#phase = phase
    this.#events.progress()
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
