const EVENTS = 0
const FAILED = 1
const FIRST_STATE = 2
const OVER = 1
const TIMES_PER_MOVE = 3

const timesByteOffset = (moves: number): number => Math.ceil(((FIRST_STATE + moves) * 4) / 8) * 8

/**
 * What the communication thread tells the compute thread about moves under way, in memory that both see, so that the
 * compute thread can sleep on it without turning its event loop. A line for each move of an iteration.
 */
export class MoveBoard {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #times: Float64Array<SharedArrayBuffer>

  /**
   * @param moves lines of the board.
   * @param buffer of another thread's board; a new one is made when left out.
   */
  constructor(moves: number, buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(timesByteOffset(moves) + moves * TIMES_PER_MOVE * 8)
    this.#words = new Int32Array(this.buffer, 0, FIRST_STATE + moves)
    this.#times = new Float64Array(this.buffer, timesByteOffset(moves), moves * TIMES_PER_MOVE)
  }

  /** By the compute thread, before it posts a move. */
  clear(move: number): void {
    Atomics.store(this.#words, FIRST_STATE + move, 0)
  }

  /** @param readyNs when the sender could send. */
  over(move: number, readyNs: number, startNs: number, endNs: number): void {
    this.#times.set([readyNs, startNs, endNs], move * TIMES_PER_MOVE)
    Atomics.store(this.#words, FIRST_STATE + move, OVER)
    this.#raise()
  }

  failed(): void {
    Atomics.store(this.#words, FAILED, 1)
    this.#raise()
  }

  get hasFailed(): boolean {
    return Atomics.load(this.#words, FAILED) === 1
  }

  isOver(move: number): boolean {
    return Atomics.load(this.#words, FIRST_STATE + move) === OVER
  }

  /** Valid once the move is over. */
  times(move: number): { readonly readyNs: number; readonly startNs: number; readonly endNs: number } {
    const at = move * TIMES_PER_MOVE
    return { readyNs: this.#times[at], startNs: this.#times[at + 1], endNs: this.#times[at + 2] }
  }

  /** Blocks this thread until something happens, unless `enough` has come true or something failed; at most `longestMs`. */
  sleep(enough: () => boolean, longestMs: number): void {
    const seen = Atomics.load(this.#words, EVENTS)
    if (enough() || this.hasFailed) return
    Atomics.wait(this.#words, EVENTS, seen, longestMs)
  }

  #raise(): void {
    Atomics.add(this.#words, EVENTS, 1)
    Atomics.notify(this.#words, EVENTS)
  }
}
