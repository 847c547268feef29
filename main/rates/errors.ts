/** A measurement of the machine did not come to its end. */
export class CalibrationFailedError extends Error {
  override readonly name = 'CalibrationFailedError'
}

/** Somebody asked for the end of the measurements. */
export class CalibrationCancelledError extends Error {
  override readonly name = 'CalibrationCancelledError'
}

/** The rates of what a config needs were not measured on this machine. */
export class RatesMissingError extends Error {
  override readonly name = 'RatesMissingError'
}
