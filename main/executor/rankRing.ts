import type { FromRank, ToRankMessage } from '../../kernels/rank/protocol.ts'
import type { RunClock } from '../../kernels/timeline/clock.ts'
import { clockReading, ROUND_TRIPS, type ClockReading, type RoundTrip } from './clockSync.ts'
import type { RankPeer } from './rankPeer.ts'

type Answer<T extends FromRank['type']> = Extract<FromRank, { type: T }>

function pauseMs(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

/** All ranks of a run, spoken to together. Every wait ends when the run does. */
export class RankRing {
  readonly peers: readonly RankPeer[]
  readonly #ended: Promise<never>

  /** @param ended rejects when the run ends early. */
  constructor(peers: readonly RankPeer[], ended: Promise<never>) {
    this.peers = peers
    this.#ended = ended
  }

  /** Sends every rank a message and waits for all their answers, in rank order. */
  ask<T extends FromRank['type']>(type: T, question: (peer: RankPeer) => ToRankMessage): Promise<Answer<T>[]> {
    const answers = this.all(type)
    for (const peer of this.peers) peer.send(question(peer))
    return answers
  }

  /** Every rank's next message of a type, in rank order; `each` is called as they come. */
  all<T extends FromRank['type']>(type: T, each?: (peer: RankPeer) => void): Promise<Answer<T>[]> {
    return this.#orEnd(Promise.all(this.peers.map(async (peer) => {
      const answer = await peer.next(type)
      each?.(peer)
      return answer
    })))
  }

  broadcast(message: ToRankMessage): void {
    for (const peer of this.peers) peer.send(message)
  }

  /** Every rank's clock against `clock`. One rank after the other, so that they do not wait for each other's answers. */
  async readClocks(clock: RunClock): Promise<ClockReading[]> {
    const readings: ClockReading[] = []
    for (const peer of this.peers) {
      const trips: RoundTrip[] = []
      for (let id = 0; id < ROUND_TRIPS; id++) {
        const pong = peer.next('clock-pong')
        const sentNs = clock.now()
        peer.send({ type: 'clock-ping', id })
        const { nowNs } = await this.#orEnd(pong)
        trips.push({ sentNs, childNs: nowNs, receivedNs: clock.now() })
      }
      readings.push(clockReading(trips))
    }
    return readings
  }

  /** Waits until every process is gone, at most `longestMs`. */
  async gone(longestMs: number): Promise<void> {
    await Promise.race([Promise.all(this.peers.map((peer) => peer.gone)), pauseMs(longestMs)])
  }

  kill(): void {
    for (const peer of this.peers) peer.kill()
  }

  #orEnd<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#ended])
  }
}
