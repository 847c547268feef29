import { CATEGORY_CODE } from '../../../kernels/timeline/categories.ts'
import type { Classified, Classifier } from '../../classify/classifier.ts'
import { TripleTable } from './columns/tripleTable.ts'

/** Spans of one track with different bands go to lanes of their own. The order is the code in tracks. */
export const BANDS = ['', 'kernels', 'annotations', 'synchronization', 'async'] as const
export type Band = (typeof BANDS)[number]
export const ASYNC_BAND = BANDS.indexOf('async')

const BAND_CODE = Object.fromEntries(BANDS.map((band, code) => [band, code])) as Readonly<Record<Band, number>>

/** What the classifier makes of events, as codes for columns, asked once for each (cat, name) of a session. */
export class ClassTable {
  readonly #classifier: Classifier
  readonly #text: (id: number) => string
  readonly #pairs = new TripleTable()
  readonly #ofPair: number[] = []
  /** By class. */
  readonly #category: number[] = []
  readonly #kind: number[] = []
  readonly #band: number[] = []
  readonly #kindNames = ['']
  readonly #kindCode = new Map([['', 0]])

  /** @param text of a number in the session's table */
  constructor(classifier: Classifier, text: (id: number) => string) {
    this.#classifier = classifier
    this.#text = text
  }

  /** Names of the kinds so far, by code. Rules name far fewer than fit a byte. */
  get kindNames(): readonly string[] {
    return this.#kindNames
  }

  /** The class of an event by the numbers of its category (0 for none) and name. */
  classOf(cat: number, name: number): number {
    const pair = this.#pairs.indexOf(cat, name, 0)
    if (pair === this.#ofPair.length) this.#ofPair.push(this.#add(this.#classifier.classify(cat === 0 ? null : this.#text(cat), this.#text(name))))
    return this.#ofPair[pair]
  }

  /** The class of events without a category on a device's track; asked anew each time. */
  classOfDevice(trackName: string, name: string): number {
    return this.#add(this.#classifier.classifyDevice(name, trackName))
  }

  category(classIndex: number): number {
    return this.#category[classIndex]
  }

  kind(classIndex: number): number {
    return this.#kind[classIndex]
  }

  /** Code into {@link BANDS}. */
  band(classIndex: number): number {
    return this.#band[classIndex]
  }

  #add({ category, kind, band }: Classified): number {
    const index = this.#category.push(CATEGORY_CODE[category]) - 1
    this.#band.push(BAND_CODE[band])
    let code = this.#kindCode.get(kind)
    if (code === undefined) {
      code = this.#kindNames.push(kind) - 1
      this.#kindCode.set(kind, code)
    }
    this.#kind.push(code)
    return index
  }
}
