import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { BridgeError } from '../../preload/contract/envelope.ts'
import type { MachineRates } from '../../preload/contract/rates.ts'
import { useBridge } from '../bridge/current.ts'

/** What was measured of this machine. Measuring goes on while other views are shown. */
export const useRates = defineStore('rates', () => {
  const rates = shallowRef<MachineRates | null>(null)
  const measuring = ref(false)
  /** False until the host has answered what it knows. */
  const known = ref(false)
  const error = shallowRef<BridgeError | null>(null)

  async function ask(measure: boolean): Promise<void> {
    const answer = await useBridge().request('machine.rates', { measure })
    error.value = answer.ok ? null : answer.error
    if (!answer.ok) return
    rates.value = answer.data
    known.value = true
  }

  /** What earlier measurements found; measures nothing. */
  async function load(): Promise<void> {
    if (!measuring.value) await ask(false)
  }

  async function measure(): Promise<void> {
    if (measuring.value) return
    measuring.value = true
    await ask(true)
    measuring.value = false
  }

  return { rates, measuring, known, error, load, measure }
})
