import { basename, dirname, sep } from 'node:path'
import { inspect } from 'node:util'
import type { MessagePort } from 'node:worker_threads'
import type { TraceRefused } from '../../preload/contract/events.ts'
import { loadClassificationRules } from '../classify/rules.ts'
import type { Communication } from '../comm/comm.ts'
import { communicationOf } from '../comm/communication.ts'
import { measureOnce } from '../compare/measureTimeline.ts'
import { searchTimeline } from '../timeline/search.ts'
import { buildSpanIndex } from '../timeline/spanIndex.ts'
import type { SpanWaits } from '../timeline/spanWaits.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { adoptIndex } from '../timeline/viewport.ts'
import { writeTrace } from '../traces/save/exportTrace.ts'
import { bridgeError, outOfMemory } from './errors.ts'
import { openWhatCanBe } from './openWhatCanBe.ts'
import { spanWaits } from './spanWaits.ts'
import { summaryFacts } from './summaryFacts.ts'
import { EVENT_INTERVAL_MS, throttle } from './throttle.ts'
import { analysisFacts } from './timelineAnalysis.ts'
import type {
  CrossingError, CrossingTimeline, FromTraceThread, OpeningProgress, Question, QuestionName, Questions, TraceRequest,
} from './traceMessages.ts'

type Answers = { readonly [Q in QuestionName]: (timeline: Timeline, input: Questions[Q]['input']) => Questions[Q]['answer'] | Promise<Questions[Q]['answer']> }

/** For the analysis, which is asked for once as a rule: it is large. */
const communications = new WeakMap<Timeline, Communication>()

/** For comparisons, which ask for one kind of windows after another. */
function keptCommunication(timeline: Timeline): Communication {
  const communication = communications.get(timeline) ?? communicationOf(timeline)
  communications.set(timeline, communication)
  return communication
}

const ANSWERS: Answers = {
  analyze: (timeline) => {
    const known = communications.get(timeline)
    communications.delete(timeline)
    return analysisFacts(timeline, known)
  },
  search: searchTimeline,
  measure: (timeline, { wanted }) => measureOnce(timeline, wanted, keptCommunication),
  write: async (timeline, { path }) => {
    await writeTrace(timeline, path)
    return null
  },
}

/** How texts and paths are shown: a file of the hidden folder, which lies in a folder of its own there, by its name alone. */
function shower(hiddenFolder: string | null): (text: string) => string {
  if (hiddenFolder === null) return (text) => text
  const prefix = new RegExp(`${RegExp.escape(hiddenFolder + sep)}[^/\\\\]+${RegExp.escape(sep)}`, 'g')
  return (text) => text.replaceAll(prefix, '')
}

const TRACE_EXTENSION = /(?:\.pt)?(?:\.trace)?\.json(?:\.gz)?$/i

/**
 * The title of a group from a hidden folder. Where the names of its files have nothing in common it is called after the
 * folder of the first, which means nothing to the user: then after its first file and its last.
 */
function titleOf({ title, files }: Timeline, hiddenFolder: string | null): string {
  const [first, last] = [files.at(0), files.at(-1)].map((file) => file?.path ?? '')
  const folder = basename(dirname(first))
  if (hiddenFolder === null || files.length < 2 || !title.startsWith(folder)) return title
  const names = [first, last].map((path) => basename(path).replace(TRACE_EXTENSION, ''))
  return `${names.join(' … ')}${title.slice(folder.length)}`
}

const isAllocation = (error: unknown): boolean =>
  error instanceof RangeError && /allocation failed|Invalid array buffer length|Memory\.grow/i.test(error.message)

function crossingError(error: unknown, doing: string, shown: (text: string) => string): CrossingError {
  if (isAllocation(error)) return { error: { code: 'internal', message: outOfMemory(doing) }, fault: null }
  let fault: string | null = null
  const made = bridgeError(error, doing, (_message, whole) => { fault = inspect(whole) })
  return { error: { ...made, message: shown(made.message) }, fault }
}

function waitsOf(timeline: Timeline, shown: (text: string) => string): SpanWaits | CrossingError {
  try {
    // Of a run of our own it is empty: that says in its spans what they waited for.
    const communication = communicationOf(timeline)
    communications.set(timeline, communication)
    return spanWaits(communication)
  } catch (error) {
    return crossingError(error, 'dividing waiting from transfer', shown)
  }
}

function crossing(timeline: Timeline, hiddenFolder: string | null, shown: (text: string) => string): CrossingTimeline {
  const files = timeline.files.map((file) => ({ ...file, path: shown(file.path) }))
  const named = { ...timeline, title: shown(titleOf(timeline, hiddenFolder)), files }
  const waits = waitsOf(named, shown)
  const index = buildSpanIndex(named, 'error' in waits ? null : waits)
  adoptIndex(named, index)
  return { timeline: named, index, waits, summary: summaryFacts(named) }
}

/**
 * Opens a group of traces on the thread that this is called on, tells how far it is, hands the timelines over, and
 * answers questions about them. Nothing it does reaches the application as an exception: failures cross as messages.
 */
export async function serveTraces(port: MessagePort, { paths, rulesDir, hiddenFolder }: TraceRequest): Promise<void> {
  const shown = shower(hiddenFolder)
  const post = (message: FromTraceThread): void => { port.postMessage(message) }
  const progress = throttle<OpeningProgress>(EVENT_INTERVAL_MS, (newest) => {
    post({ kind: 'progress', progress: { ...newest, doing: shown(newest.doing) } })
  })

  let timelines: readonly Timeline[]
  try {
    const rules = await loadClassificationRules(rulesDir)
    let newest = null as OpeningProgress | null
    const opened = await openWhatCanBe(paths, { rules, onProgress: (next) => { progress(newest = next) } })
    if (newest !== null) progress({ ...newest, doing: 'matching communication' })
    progress.flush()
    const refused: TraceRefused['files'] = opened.refused.map(({ path, message }) => ({ path: shown(path), message: shown(message) }))
    const crossings = opened.timelines.map((timeline) => crossing(timeline, hiddenFolder, shown))
    timelines = crossings.map(({ timeline }) => timeline)
    post({ kind: 'opened', timelines: crossings, refused })
  } catch (error) {
    post({ kind: 'failed', failure: crossingError(error, 'opening traces', shown) })
    return
  }

  const answer = async ({ id, ask, timeline, input }: Question): Promise<void> => {
    try {
      // Question and answer belong to the same name; TypeScript cannot follow the correlation through the union.
      const answerTo = ANSWERS[ask] as (timeline: Timeline, input: unknown) => unknown
      post({ kind: 'answer', id, data: await answerTo(timelines[timeline], input) })
    } catch (error) {
      post({ kind: 'refusal', id, failure: crossingError(error, DOING[ask], shown) })
    }
  }
  port.on('message', (question: Question) => { void answer(question) })
}

const DOING: Readonly<Record<QuestionName, string>> = {
  analyze: 'analysing the trace', search: 'searching the trace', measure: 'measuring the trace', write: 'saving the trace',
}
