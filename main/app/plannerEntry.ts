/** Entry of the thread that answers one request of the planner and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Result } from '../../preload/contract/envelope.ts'
import { publishedAnswers } from '../planner/published/published.ts'
import { answerQuestions } from '../planner/questions/answerQuestions.ts'
import { bridgeError } from './errors.ts'
import { logToStderr } from './log.ts'
import type { PlannerRequest } from './plannerThread.ts'

if (parentPort === null) throw new Error('the planner\'s thread is started by Ringscope, not by hand')

function answer(request: PlannerRequest): Result<unknown> {
  try {
    return { ok: true, data: request.ask === 'published' ? publishedAnswers() : answerQuestions(request.question, 'the planner\'s question') }
  } catch (error) {
    // An error's class does not cross between threads: it goes as what a page gets.
    return { ok: false, error: bridgeError(error, 'answering the planner', logToStderr) }
  }
}

// The host thread's own request, whose question it has parsed.
parentPort.postMessage(answer(workerData as PlannerRequest))
