/** What a new data folder begins with, as Kafka 4.x does; one that is older is brought to it by migration, for it knew no transactions. */
export const newFeatures: readonly (readonly [name: string, level: number])[] = [['transaction.version', 2]]
