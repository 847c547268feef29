import { setTimeout as sleep } from 'node:timers/promises'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

export type ViewName = 'run' | 'timeline' | 'imbalance' | 'sweep' | 'machine' | 'trace' | 'compare' | 'planner'

/** What a finished run or an opened trace shows. */
export interface Figures {
  readonly makespan: string
  readonly overlapRatio: string
  readonly idleFraction: string
}

/** The app's page as a user reads it: by the names of its parts, whatever host serves it. */
export class RingscopePage {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  part(name: string): Locator {
    return this.page.getByTestId(name)
  }

  async show(view: ViewName): Promise<void> {
    await this.part(`view-${view}`).click()
  }

  async pickConfig(name: RegExp): Promise<void> {
    await this.part('config-item').filter({ hasText: name }).first().click()
  }

  async text(name: string): Promise<string> {
    return (await this.part(name).first().innerText()).replaceAll(/\s+/g, ' ').trim()
  }

  /** What the Timeline view says of a timeline at rest, once it is analysed: until then it shows the timeline's name. */
  async finding(): Promise<string> {
    await this.part('timeline-title').and(this.page.locator('[data-analysed="true"]')).waitFor({ timeout: 20_000 })
    return this.text('timeline-title')
  }

  /** How the run stands, in the words of the contract. */
  async status(): Promise<string | null> {
    return this.part('run-status').getAttribute('data-status')
  }

  /** Starts the picked config and waits for a phase of its run. @throws Error with what the page says when it ends in another way */
  async startAndReach(phase: 'measuring' | 'finished', timeoutMs = 90_000): Promise<void> {
    await this.part('start-run').click()
    await expect.poll(() => this.status(), { timeout: 20_000, interval: 20 }).not.toMatch(/idle|finished|failed|cancelled/)
    const ends = ['finished', 'failed', 'cancelled']
    await expect.poll(async () => [phase, ...ends].includes(await this.status() ?? ''), { timeout: timeoutMs, interval: 50 }).toBe(true)
    const reached = await this.status()
    if (reached !== phase) throw new Error(`the run is ${reached}, not ${phase}:\n${await this.page.locator('.outcome').innerText()}`)
  }

  /** Runs the picked config. @returns the figures it shows */
  async runToEnd(): Promise<Figures> {
    await this.startAndReach('finished')
    return this.figures()
  }

  /** The iterations that the Timeline view offers to fit, each with its time. */
  async iterationTimes(): Promise<string[]> {
    return (await this.part('fit-iteration').locator('option:not([disabled])').allInnerTexts()).map((text) => text.trim())
  }

  async figures(): Promise<Figures> {
    return {
      makespan: await this.text('makespan'), overlapRatio: await this.text('overlap-ratio'), idleFraction: await this.text('idle-fraction'),
    }
  }

  /** Sweeps two by two tiles with few repeats. */
  async sweepSmallGrid(): Promise<void> {
    await this.part('sweep-block-q').fill('32, 64')
    await this.part('sweep-block-k').fill('64, 128')
    await this.part('sweep-repeats').fill('2')
    await this.part('sweep-start').click()
    await this.part('sweep-cell-best').waitFor({ timeout: 120_000 })
    await expect.poll(() => this.part('use-best').isEnabled(), { timeout: 120_000 }).toBe(true)
  }

  /** The number of spans that the Gantt has drawn, once it has drawn. */
  async drawnSpans(): Promise<number> {
    const gantt = this.part('gantt')
    await expect.poll(() => gantt.getAttribute('data-ready'), { timeout: 20_000 }).toBe('true')
    await expect.poll(async () => Number(await gantt.getAttribute('data-span-count')), { timeout: 20_000 }).toBeGreaterThan(0)
    return Number(await gantt.getAttribute('data-span-count'))
  }

  /** Drops files on the window as a file manager would. */
  async drop(files: readonly { readonly name: string, readonly bytes: Uint8Array }[]): Promise<void> {
    const transfer = await this.page.evaluateHandle((items) => {
      const data = new DataTransfer()
      for (const { name, base64 } of items) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
        data.items.add(new File([bytes], name))
      }
      return data
    }, files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString('base64') })))
    for (const type of ['dragenter', 'dragover', 'drop']) {
      await this.page.dispatchEvent('body', type, { dataTransfer: transfer })
      await sleep(20)
    }
  }
}

/** A chart is a canvas; one that draws has more than one colour. */
export async function distinctColours(chart: Locator): Promise<number> {
  return chart.locator('canvas').first().evaluate((canvas: HTMLCanvasElement) => {
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data
    const colours = new Set<number>()
    for (let at = 0; data !== undefined && at < data.length; at += 4) colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2])
    return colours.size
  })
}
