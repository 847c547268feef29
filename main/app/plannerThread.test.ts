import { setTimeout } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { findInstallation } from '../installation.ts'
import { publishedAnswers } from '../planner/published/published.ts'
import { answerQuestions } from '../planner/questions/answerQuestions.ts'
import { asked } from '../planner/questions/testQuestions.ts'
import { PlannerThread } from './plannerThread.ts'
import { threadAnswer } from './threadAnswer.ts'

const { plannerEntry } = findInstallation()
const thread = new PlannerThread(plannerEntry)

describe('the planner\'s thread', () => {
  it('answers as the functions do', async () => {
    expect(await thread.answers(asked(), 'test')).toEqual(answerQuestions(asked(), 'test'))
  })

  it('refuses a question with problems before it starts', async () => {
    await expect(thread.answers({ ...asked(), config: { world: 0 } }, 'the form')).rejects.toThrow(/the form: .*problems[\s\S]*world/)
  })

  it('tells what goes wrong in the thread as a page gets it', async () => {
    const request = { ask: 'answers', question: { ...asked(), config: { world: 0 } } }
    expect(await threadAnswer(plannerEntry, request, 'answers')).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
  })

  it('gives up a question when a newer one comes', async () => {
    const older = thread.answers(asked({ world: 16 }), 'test')
    const newer = thread.answers(asked(), 'test')
    await expect(older).rejects.toMatchObject({ name: 'CancelledError', code: 'cancelled' })
    expect((await newer).candidates.length).toBeGreaterThan(0)
  })

  it('has one thread at a time, however fast questions come', async () => {
    let [alive, most] = [0, 0]
    const count = (worker: Worker): void => {
      most = Math.max(most, ++alive)
      worker.once('exit', () => { alive-- })
    }
    process.on('worker', count)
    const outcomes: Promise<string>[] = []
    for (let question = 0; question < 20; question++) {
      outcomes.push(thread.answers(asked({ world: 64 }), 'test').then(() => 'answered', () => 'given up'))
      await setTimeout(question)
    }
    expect(await outcomes.at(-1)).toBe('answered')
    expect((await Promise.all(outcomes)).filter((outcome) => outcome === 'given up').length).toBeGreaterThan(10)
    process.off('worker', count)
    expect(most).toBe(1)
  })

  it('makes published figures once', async () => {
    expect(await thread.published()).toEqual(publishedAnswers())
    expect(await thread.published()).toBe(await thread.published())
  })

  it('goes on after a thread that failed', async () => {
    const broken = new PlannerThread('/no/such/module.js')
    await expect(broken.published()).rejects.toThrow(/module/)
    await expect(broken.published()).rejects.toThrow(/module/)
  })
})
