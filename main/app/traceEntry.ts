/** Entry of the thread that opens one group of traces and answers for it while any of its timelines is open. */
import { parentPort, workerData } from 'node:worker_threads'
import type { TraceRequest } from './traceMessages.ts'
import { serveTraces } from './traceServer.ts'

if (parentPort === null) throw new Error('the trace thread is started by Ringscope, not by hand')
// Started by TraceThread with nothing else.
await serveTraces(parentPort, workerData as TraceRequest)
