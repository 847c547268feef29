/** A trace thread that does what its test says, in the place of reading files: the first path is the script. */
import { parentPort, workerData } from 'node:worker_threads'
import { buildSpanIndex } from '../../timeline/spanIndex.ts'
import { summaryFacts } from '../summaryFacts.ts'
import type { CrossingTimeline, FromTraceThread, Question, TraceRequest } from '../traceMessages.ts'
import { simulated } from './runs.ts'

const post = (message: FromTraceThread): void => { parentPort?.postMessage(message) }
const { paths: [script, ...words] } = workerData as TraceRequest

const progress = (doing: string): void => { post({ kind: 'progress', progress: { doing, bytesRead: 1, totalBytes: 2, events: 3 } }) }

function crossing(waits: CrossingTimeline['waits']): CrossingTimeline {
  const timeline = simulated()
  return { timeline, index: buildSpanIndex(timeline), summary: summaryFacts(timeline), waits }
}

const held: unknown[] = []

/** About 3 MiB at a time, in small objects as texts are. */
function holdMore(): void {
  held.push(Array.from({ length: 2 ** 15 }, (_, at) => [at]))
}

function open(): void {
  const waits = {
    span: Uint32Array.of(1, 4), waitNs: Float64Array.of(10, 20), transferNs: Float64Array.of(1, 2),
    estimated: Uint8Array.of(0, 1), waitedFor: Int32Array.of(3, -1),
  }
  const failed = { error: { code: 'internal', message: 'a bug' }, fault: 'a bug at line 1' } as const
  post({ kind: 'opened', timelines: [crossing(waits), crossing(failed)], refused: words.map((path) => ({ path, message: 'it is no trace' })) })
  parentPort?.on('message', ({ id, ask, input }: Question) => {
    switch (ask) {
      case 'search':
        if (input.text === 'crash') throw new Error('a bug')
        if (input.text === 'hang') return
        post({ kind: 'refusal', id, failure: { error: { code: 'invalid-input', message: `no ${input.text}` }, fault: null } })
        break
      case 'write':
        setTimeout(() => { post({ kind: 'answer', id, data: null }) }, 100)
        break
      case 'measure':
      case 'analyze':
        for (;;);
    }
  })
}

switch (script) {
  case 'open': open(); break
  case 'crash': throw new Error('a bug')
  case 'leave': process.exit(3)
  // eslint-disable-next-line no-fallthrough -- the thread is gone
  case 'memory':
    progress('reading large.json')
    setInterval(holdMore, 40)
    break
  case 'spin':
    progress('reading rank-0.json')
    setTimeout(() => { for (;;); }, 20)
    break
}
