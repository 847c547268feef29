/** Entry of the thread that makes one plan or simulation and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { simulate } from '../simulator/simulate.ts'
import { bridgeError } from './errors.ts'
import { logToStderr } from './log.ts'
import { pagePlan } from './pagePlan.ts'
import type { PlanRequest } from './planThread.ts'

if (parentPort === null) throw new Error('the plan thread is started by Ringscope, not by hand')

try {
  // The host thread's own request, whose config and cluster it has parsed.
  const request = workerData as PlanRequest
  const data = request.ask === 'plan' ? pagePlan(request.config) : simulate(request.config, request.cluster, request.disturbance)
  parentPort.postMessage({ ok: true, data })
} catch (error) {
  // An error's class does not cross between threads: it goes as what a page gets.
  parentPort.postMessage({ ok: false, error: bridgeError(error, 'planning', logToStderr) })
}
