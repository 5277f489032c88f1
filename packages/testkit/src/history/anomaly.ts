/** What can be wrong with a history; README.md beside this file says what each means. */
export const anomalies = [
  'lost',
  'unread',
  'hole',
  'gap',
  'duplicate',
  'two at one offset',
  'phantom',
  'wrong offset',
  'reordered',
  'backwards',
  'skipped',
  'above the high watermark',
  'aborted read',
  'torn transaction',
  'hanging transaction',
  'zombie write',
  'undeleted',
  'offset lost',
  'offset invented',
  'unprocessed',
  'two owners',
  'zombie commit',
  'producer id reused',
] as const
export type Anomaly = (typeof anomalies)[number]

export interface Finding {
  readonly anomaly: Anomaly
  readonly message: string
}
