import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import { claimAnswers } from './claims.ts'
import { liuAnswers } from './liu.ts'
import { pithTrainAnswers } from './pithTrain.ts'
import { stripedAnswers } from './striped.ts'
import { volumeAnswers } from './volumes.ts'
import { yunchangAnswers } from './yunchang.ts'
import { zhuzilinAnswers } from './zhuzilin.ts'

/**
 * Published figures beside ours (reference sections 1 and 3): measurements first, then what papers derive, then claims that
 * depart from the papers. What cannot be computed is left out. Pure.
 */
export const publishedAnswers = (): PublishedAnswer[] => [
  ...zhuzilinAnswers(), ...pithTrainAnswers(), ...yunchangAnswers(), ...stripedAnswers(), ...liuAnswers(), ...volumeAnswers(), ...claimAnswers(),
]
