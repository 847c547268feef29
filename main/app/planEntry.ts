/** Entry of the thread that makes one plan and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { pagePlan } from './pagePlan.ts'

if (parentPort === null) throw new Error('the plan thread is started by Ringscope, not by hand')
parentPort.postMessage(pagePlan(parseRunConfig(workerData, 'the config of the plan thread')))
