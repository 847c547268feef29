import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { BusyError, NotFoundError } from './errors.ts'
import type { AppEvents } from './events.ts'
import { summaryFacts } from './summaryFacts.ts'
import { EVENT_INTERVAL_MS, throttle, type Throttled } from './throttle.ts'
import { hostOwner, type TimelineOwner } from './timelineOwner.ts'
import type { SummaryFacts } from './traceMessages.ts'

/** One open timeline as it is now. */
export interface OpenTimeline {
  readonly timelineId: string
  /** Grows with every change. */
  readonly revision: number
  readonly live: boolean
  /** Where it was read from or last saved to. */
  readonly path: string | null
  readonly timeline: Timeline
  /** Answers what takes long. */
  readonly owner: TimelineOwner
}

/** A timeline that is to be opened. */
export interface NewTimeline {
  readonly timeline: Timeline
  readonly summary: SummaryFacts
  readonly owner: TimelineOwner
  /** Where it came from, for people; null where that is no path of this machine. */
  readonly path: string | null
  /** Names the files it was read from, so that they are known when they are opened again; null where they cannot be. */
  readonly source: string | null
}

interface Entry {
  readonly timelineId: string
  revision: number
  live: boolean
  path: string | null
  /** Never a file that it was only saved to, whose content may have changed since. */
  readonly source: string | null
  /** Asks the run while it goes on. */
  read: () => Timeline
  owner: TimelineOwner
  /** Of all spans of a finished timeline; made once. Null while it grows. */
  summary: SummaryFacts | null
  readonly announce: Throttled<void>
}

/** Every open timeline, by id. Says what changes, at most ten times a second each. */
export class TimelineStore {
  readonly #entries = new Map<string, Entry>()
  readonly #events: AppEvents
  #opened = 0

  constructor(events: AppEvents) {
    this.#events = events
  }

  /** Opens the timeline of a run under way; `read` gives the spans so far. @returns its id. */
  addLive(read: () => Timeline): string {
    return this.#add({ live: true, path: null, source: null, read, owner: hostOwner(read), summary: null })
  }

  /**
   * Opens a finished timeline. Files that are open already are read anew under their old id.
   * @returns its id.
   */
  add({ timeline, summary, owner, path, source }: NewTimeline): string {
    const read = (): Timeline => timeline
    const open = source === null ? undefined : [...this.#entries.values()].find((entry) => entry.source === source)
    if (open === undefined) return this.#add({ live: false, path, source, read, owner, summary })
    const before = open.owner
    Object.assign(open, { read, owner, summary })
    this.#changed(open)
    before.release()
    return open.timelineId
  }

  /** A live timeline has grown. */
  grew(timelineId: string): void {
    const entry = this.#entry(timelineId)
    entry.revision++
    entry.announce()
  }

  /** A live timeline has got its last span. */
  settle(timelineId: string, timeline: Timeline): void {
    const entry = this.#entry(timelineId)
    entry.live = false
    entry.read = () => timeline
    entry.owner = hostOwner(entry.read)
    entry.summary = summaryFacts(timeline)
    this.#changed(entry)
  }

  saved(timelineId: string, path: string): void {
    const entry = this.#entry(timelineId)
    entry.path = path
    this.#changed(entry)
  }

  /** @throws NotFoundError */
  get(timelineId: string): OpenTimeline {
    const { revision, live, path, read, owner } = this.#entry(timelineId)
    return { timelineId, revision, live, path, timeline: read(), owner }
  }

  /** @throws NotFoundError */
  summary(timelineId: string): TimelineSummary {
    const { live, path, summary, read } = this.#entry(timelineId)
    return { ...summary ?? summaryFacts(read()), timelineId, live, path }
  }

  list(): TimelineSummary[] {
    return [...this.#entries.keys()].map((timelineId) => this.summary(timelineId))
  }

  /**
   * Forgets a timeline.
   * @throws BusyError while a run still adds to it.
   * @throws NotFoundError
   */
  close(timelineId: string): void {
    if (this.#entry(timelineId).live) throw new BusyError('this run is still going on: cancel it before closing its timeline')
    this.#forget(timelineId)
  }

  /** Forgets the timeline of a run that never started. */
  discard(timelineId: string): void {
    this.#entry(timelineId)
    this.#forget(timelineId)
  }

  #add(facts: Pick<Entry, 'live' | 'path' | 'source' | 'read' | 'owner' | 'summary'>): string {
    const timelineId = `timeline-${++this.#opened}`
    const announce = throttle<void>(EVENT_INTERVAL_MS, () => this.#announce(timelineId))
    this.#entries.set(timelineId, { timelineId, revision: 1, announce, ...facts })
    this.#announce(timelineId)
    return timelineId
  }

  /** For changes that are not one of many: said at once. */
  #changed(entry: Entry): void {
    entry.revision++
    entry.announce.cancel()
    this.#announce(entry.timelineId)
  }

  #announce(timelineId: string): void {
    this.#events.emit('timeline.changed', { summary: this.summary(timelineId), revision: this.#entry(timelineId).revision })
  }

  #forget(timelineId: string): void {
    const { announce, owner } = this.#entry(timelineId)
    announce.cancel()
    this.#entries.delete(timelineId)
    owner.release()
    this.#events.emit('timeline.closed', { timelineId })
  }

  #entry(timelineId: string): Entry {
    const entry = this.#entries.get(timelineId)
    if (entry === undefined) throw new NotFoundError('open timeline', timelineId, 'it was closed, or Ringscope was restarted; open the trace again')
    return entry
  }
}
