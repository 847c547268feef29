import type { Result } from '../../preload/contract/envelope.ts'
import type { PlannerAnswers, PlannerQuestion, PublishedAnswer } from '../../preload/contract/planner.ts'
import { parseQuestion } from '../planner/questions/answerQuestions.ts'
import { CancelledError, ForwardedError } from './errors.ts'
import { threadAnswer, Turns } from './threadAnswer.ts'

/** What the planner's thread is asked. */
export type PlannerRequest = { readonly ask: 'answers'; readonly question: PlannerQuestion } | { readonly ask: 'published' }

/** Answers the planner's questions, which take up to some seconds, on a thread of their own; one at a time. */
export class PlannerThread {
  readonly #entry: string
  readonly #turns = new Turns()
  #published: Promise<readonly PublishedAnswer[]> | null = null
  /** Of the question that is being answered or waits for its turn. */
  #question: AbortController | null = null

  /** @param entry module of the thread. */
  constructor(entry: string) {
    this.#entry = entry
  }

  /**
   * A newer question ends the one before: whoever edits a form wants the answer to what it says now.
   * @throws InvalidInputError for a question with problems, before a thread is started for it. CancelledError where a newer one came.
   */
  async answers(question: PlannerQuestion, source: string): Promise<PlannerAnswers> {
    parseQuestion(question, source)
    this.#question?.abort(new CancelledError('another question came before this one was answered: ask again'))
    const current = this.#question = new AbortController()
    try {
      return await this.#ask<PlannerAnswers>({ ask: 'answers', question }, 'answers', current.signal)
    } finally {
      if (this.#question === current) this.#question = null
    }
  }

  /** Published figures beside ours: always the same, so they are made once. */
  async published(): Promise<readonly PublishedAnswer[]> {
    const made = this.#published ??= this.#ask<readonly PublishedAnswer[]>({ ask: 'published' }, 'published figures')
    try {
      return await made
    } catch (error) {
      this.#published = null
      throw error
    }
  }

  async #ask<T>(request: PlannerRequest, what: string, signal?: AbortSignal): Promise<T> {
    const result = await this.#turns.take(() => threadAnswer<Result<T>>(this.#entry, request, what, signal))
    if (!result.ok) throw new ForwardedError(result.error)
    return result.data
  }
}
