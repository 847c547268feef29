import { closeSync, openSync, read, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { RunClock } from '../timeline/clock.ts'
import { FRAME_BYTES, FrameAssembler, TransportError, type Frame } from './frames.ts'
import { checkHeader, InboundSocket, type ByteSink } from './inboundSocket.ts'
import type { Arrival, Departure, InboundLink, IncomingBlock, OutboundLink, OutgoingBlock } from './links.ts'
import { OutboundSocket, type LinkTerms, type NextRankDoor } from './outboundSocket.ts'

/*
 * Single-copy transfers, as MPI libraries do within a node: a rank's block lies in a file on tmpfs from the moment it
 * is made, a hop hands on which block it is, and the receiver copies it straight into its own slot. One copy a hop
 * where a socket needs two. The socket between the neighbours carries the hand-over: credit, header, taken.
 */

/** A part smaller than this is copied faster than a helper thread wakes up. */
const LEAST_PART_BYTES = 1 << 20

const blockFile = (folder: string, owner: number): string => join(folder, `kv-${owner}`)

/** Writes all of `source`; a short write is continued. */
function writeAll(file: number, source: Uint8Array): void {
  for (let done = 0; done < source.length;) done += writeSync(file, source, done, source.length - done, done)
}

/** Reads `count` bytes at `at` into the same place of `target`, on a helper thread. */
function readPart(file: number, target: Uint8Array, at: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    read(file, target, at, count, at, (error, bytes) => {
      if (error) reject(error)
      else if (bytes === count) resolve()
      else reject(new TransportError(`the block's file ended at byte ${at + bytes} of ${target.length}`))
    })
  })
}

/** Hands blocks on by name, and keeps the file of this rank's own. */
export class SharedMemoryOutboundLink implements OutboundLink {
  readonly #socket: OutboundSocket
  readonly #file: number
  readonly #clock: RunClock
  #closed = false

  private constructor(socket: OutboundSocket, file: number, clock: RunClock) {
    this.#socket = socket
    this.#file = file
    this.#clock = clock
  }

  /**
   * Makes the file of this rank's block at its full size, before anybody connects, so that a tmpfs that runs out of
   * space shows here and not in the middle of a run. @throws the system's error (ENOSPC)
   */
  static createBlockFile(folder: string, terms: LinkTerms): number {
    const file = openSync(blockFile(folder, terms.rank), 'wx+', 0o600)
    writeAll(file, new Uint8Array(terms.bytesPerHop))
    return file
  }

  /** @param file from {@link createBlockFile}. */
  static async accept(
    door: NextRankDoor, file: number, terms: LinkTerms, clock: RunClock,
  ): Promise<SharedMemoryOutboundLink> {
    return new SharedMemoryOutboundLink(await OutboundSocket.accept(door, terms), file, clock)
  }

  publish(block: Uint8Array): void {
    writeAll(this.#file, block)
  }

  async send({ hop, owner, bytes }: OutgoingBlock): Promise<Departure> {
    await this.#socket.credit(hop)
    const startNs = this.#clock.now()
    this.#socket.post({ kind: 'header', hop, owner, bytes: bytes.length, ns: startNs })
    return { startNs, endNs: await this.#socket.taken(hop) }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.close()
    closeSync(this.#file)
  }
}

interface Pending {
  readonly block: IncomingBlock
  readonly resolve: (arrival: Arrival) => void
  readonly reject: (error: Error) => void
}

/** Copies the block that a header names from its owner's file into the slot. */
export class SharedMemoryInboundLink implements InboundLink, ByteSink {
  readonly #files: readonly number[]
  readonly #parts: number
  readonly #clock: RunClock
  readonly #buffer = new Uint8Array(FRAME_BYTES)
  readonly #frames = new FrameAssembler()
  #socket: InboundSocket | null = null
  #pending: Pending | null = null
  #lost: Error | null = null
  #closed = false

  private constructor(files: readonly number[], parts: number, clock: RunClock) {
    this.#files = files
    this.#parts = parts
    this.#clock = clock
  }

  /**
   * @param folder where every rank has made its block's file.
   * @param threads helper threads that may copy one block's parts at the same time; 0 copies on this thread.
   */
  static async connect(
    address: string, folder: string, threads: number, terms: LinkTerms, clock: RunClock,
  ): Promise<SharedMemoryInboundLink> {
    const files = Array.from({ length: terms.world }, (_, owner) => openSync(blockFile(folder, owner), 'r'))
    const parts = Math.min(threads, Math.floor(terms.bytesPerHop / LEAST_PART_BYTES))
    const link = new SharedMemoryInboundLink(files, parts, clock)
    link.#socket = await InboundSocket.connect(address, terms, link)
    return link
  }

  receive(block: IncomingBlock): Promise<Arrival> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost)
        return
      }
      this.#pending = { block, resolve, reject }
      this.#socket?.post({ kind: 'credit', hop: block.hop, owner: block.owner, bytes: block.target.length, ns: this.#clock.now() })
    })
  }

  nextBuffer(): Uint8Array {
    return this.#buffer
  }

  filled(count: number): void {
    this.#frames.push(this.#buffer.subarray(0, count), (header) => {
      const pending = this.#pending
      if (pending === null) throw new TransportError('a block was handed on for which no slot was posted')
      checkHeader(header, { hop: pending.block.hop, owner: pending.block.owner, bytes: pending.block.target.length })
      this.#take(header, pending).catch((error: Error) => this.lost(error))
    })
  }

  lost(error: Error): void {
    this.#lost ??= error
    this.#pending?.reject(this.#lost)
    this.#pending = null
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#lost ??= new TransportError('the link was closed')
    this.#socket?.close()
    for (const file of this.#files) closeSync(file)
  }

  async #take(header: Frame, { block, resolve }: Pending): Promise<void> {
    const { target, hop, owner } = block
    const file = this.#files[owner]
    const startNs = this.#clock.now()
    if (this.#parts > 1) {
      const partBytes = Math.ceil(target.length / this.#parts)
      await Promise.all(Array.from({ length: this.#parts }, (_, part) => {
        const at = part * partBytes
        return readPart(file, target, at, Math.min(partBytes, target.length - at))
      }))
    } else if (readSync(file, target, 0, target.length, 0) !== target.length) {
      throw new TransportError(`the file of rank ${owner}'s block is shorter than ${target.length} bytes`)
    }
    const endNs = this.#clock.now()
    this.#pending = null
    this.#socket?.post({ kind: 'taken', hop, owner, bytes: target.length, ns: endNs })
    resolve({ senderStartNs: header.ns, startNs, endNs })
  }
}
