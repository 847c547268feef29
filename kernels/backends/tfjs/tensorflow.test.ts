import { describe } from 'vitest'
import { describeTfjsBackend } from './testTfjsBackend.ts'
import { findTensorflow, loadTensorflow } from './runtimes.ts'

// A file of its own, since every file of tests is run by a process of its own: the addon may take that with it.
const presence = findTensorflow()
describe.skipIf(!presence.present)(presence.present ? 'the addon of TensorFlow' : `skipped: ${presence.reason}`, () => {
  describeTfjsBackend('tensorflow', loadTensorflow)
})
