/** What each client library has to do to be measured. Each may use its fastest way that still knows what was acknowledged. */
export interface MeasuredClient {
  /** Sends records of the value to the topic until `isOver`, waits until all are acknowledged by acks=all, and says how many that were. */
  produce(options: ProduceOptions): Promise<number>
  /** Reads the topic from its begin as a group's only member; `onRecords` is told of each lot that the program has in hand, and says whether to go on. */
  consume(options: ConsumeOptions): Promise<void>
}

export interface ProduceOptions {
  readonly bootstrap: string
  readonly topic: string
  readonly value: Buffer
  /** Records that together fill a batch of 64 kB of each partition. */
  readonly lot: number
  readonly isOver: () => boolean
}

export interface ConsumeOptions {
  readonly bootstrap: string
  readonly topic: string
  readonly groupId: string
  readonly onRecords: (count: number) => boolean
}

/** Lots that are sent at the same time. */
const UNDER_WAY = 5

/** Keeps some sends under way, for clients whose send takes many records and resolves when they are acknowledged. */
export async function sendLots(
  { lot, isOver }: ProduceOptions,
  send: (count: number) => Promise<unknown>,
): Promise<number> {
  let count = 0
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      await send(lot)
      count += lot
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, lane))
  return count
}
