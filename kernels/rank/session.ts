import { verifyRank } from '../attention/verify.ts'
import { arenaBytes, ArenaTooLargeError, createArena, type ArenaSpec, type RankArena } from '../backends/arena.ts'
import { BackendUnavailableError, type AttentionBackend } from '../backends/backend.ts'
import { createBackend, scratchBytes } from '../backends/create.ts'
import { runClock } from '../timeline/clock.ts'
import { CommClient, CommFailedError } from './commClient.ts'
import type { FromRank, RankSetup } from './protocol.ts'
import { RankLoop } from './rankLoop.ts'
import { measureRecorderCost } from './recorderCost.ts'
import { Reporter } from './reporter.ts'
import { scheduleRank, type RankSchedule } from './schedule.ts'

/** The system would not give this rank its memory. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError'
}

function makeArena(spec: ArenaSpec, scratch: number): RankArena {
  try {
    return createArena(spec, scratch)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const mebibytes = Math.ceil(arenaBytes(spec, scratch) / 2 ** 20)
    throw new OutOfMemoryError(`the system has no ${mebibytes} MiB for each rank: use fewer ranks at a time, a shorter ` +
      `sequence or fewer heads (${error.message})`, { cause: error })
  }
}

/** How a session reaches its supervisor. */
export interface SessionChannel {
  readonly send: (message: FromRank) => void
  /** Called when the communication thread gives up, whatever the compute thread does at the time. */
  readonly fail: (error: unknown) => void
}

/** One rank's part in one run: what its supervisor asks for, in order. */
export class RankSession {
  readonly #setup: RankSetup
  readonly #send: (message: FromRank) => void
  readonly #now: () => number
  readonly #schedule: RankSchedule
  readonly #arena: RankArena
  readonly #backend: AttentionBackend
  readonly #comm: CommClient
  readonly #reporter: Reporter
  readonly #loop: RankLoop

  private constructor(
    setup: RankSetup, channel: SessionChannel, schedule: RankSchedule, arena: RankArena, backend: AttentionBackend,
  ) {
    const { send, fail } = channel
    this.#setup = setup
    this.#send = send
    this.#schedule = schedule
    this.#arena = arena
    this.#backend = backend
    const originNs = BigInt(setup.originNs)
    this.#now = runClock(originNs).now
    this.#reporter = new Reporter(send, this.#now)
    this.#comm = new CommClient(setup.commEntry, {
      originNs,
      link: setup.config.link,
      ownAddress: setup.ownAddress,
      senderAddresses: setup.senderAddresses,
      slotDir: setup.slotDir,
      copyThreads: setup.copyThreads,
      parentPid: setup.parentPid,
      ownedFolders: setup.ownedFolders,
    }, schedule, arena)
    this.#loop = new RankLoop({
      config: setup.config, schedule, arena, backend, mover: this.#comm, reporter: this.#reporter, now: this.#now,
    })
    this.#comm.failure.catch(fail)
  }

  /**
   * Makes the arena, the backend and the communication thread, which then listens.
   * @throws BackendUnavailableError, ArenaTooLargeError
   */
  static async open(setup: RankSetup, channel: SessionChannel): Promise<RankSession> {
    const { config, rank, backend: id, kernelsDir } = setup
    const schedule = scheduleRank(config, rank)
    const { shape } = schedule
    const arena = makeArena(schedule.arena, scratchBytes(id, schedule.arena))
    const backend = await createBackend(id, { shape, arena, config, kernelsDir })
    const session = new RankSession(setup, channel, schedule, arena, backend)
    await session.#comm.listening()
    channel.send({ type: 'listening' })
    return session
  }

  async connect(): Promise<void> {
    await this.#comm.connect()
    const { device, computes } = this.#backend
    this.#send({ type: 'connected', device, computes, recorderOverheadNs: measureRecorderCost(this.#now) })
  }

  clockPing(id: number): void {
    this.#send({ type: 'clock-pong', id, nowNs: this.#now() })
  }

  async prepare(iteration: number): Promise<void> {
    await this.#loop.prepare(iteration)
    this.#send({ type: 'ready', iteration })
  }

  async iterate(iteration: number, startAtNs: number): Promise<void> {
    const endNs = await this.#loop.iterate(startAtNs)
    this.#reporter.iterationDone(iteration, endNs)
  }

  verify(): void {
    this.#send({ type: 'verified', ...verifyRank(this.#setup.config, this.#schedule, this.#arena) })
  }

  async close(): Promise<void> {
    await this.#backend.dispose()
    await this.#comm.close()
  }

  /** Reports why this rank cannot go on, where it was, and what it had recorded. */
  reportFailure(error: unknown): void {
    const { iteration, step } = this.#loop.position
    const batch = this.#reporter.spans.count > 0 ? this.#reporter.spans.take() : null
    this.#send({ ...failureOf(error), iteration, step, batch })
  }
}

type Failed = Extract<FromRank, { type: 'failed' }>

/** An error as it is reported from outside an iteration. */
export function failureOf(error: unknown): Failed {
  const known = error instanceof Error ? error : new Error(String(error))
  const lostPeer = known instanceof CommFailedError ? known.lostPeer : null
  const refused = known instanceof BackendUnavailableError || known instanceof ArenaTooLargeError || known instanceof OutOfMemoryError
  return {
    type: 'failed', reason: lostPeer !== null ? 'peer-lost' : refused ? 'refused' : 'broken', lostPeer,
    errorName: known.name, message: known.message, iteration: -1, step: -1, batch: null,
  }
}
