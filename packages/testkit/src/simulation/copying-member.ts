/** A member that consumes, transforms and produces: what it read and what it made of it are committed as one, or not at all. */
import type { IsolationName } from '../history/event.ts'
import { NoAnswer } from './simulated-client.ts'
import { GroupMember, type Membership, type Owned } from './simulated-member.ts'
import type { TransactionalProducer } from './simulated-transactional-producer.ts'

export class CopyingMember extends GroupMember {
  readonly #producer: TransactionalProducer

  constructor(producer: TransactionalProducer, ...member: ConstructorParameters<typeof GroupMember>) {
    super(...member)
    this.#producer = producer
  }

  protected override get isolation(): IsolationName {
    return 'read_committed'
  }

  protected override async commit({ memberId, generation }: Membership, moved: readonly Owned[]): Promise<void> {
    const offsets = moved.map(({ topic, partition, position }) => ({ topic, partition, position }))
    const end = await this.#producer.transact({ group: this.group, generation, member: memberId, offsets })
    // From what the group has committed on, whatever that is.
    if (end !== 'committed') throw new NoAnswer('a transaction that is not committed for sure')
    for (const [i, owned] of moved.entries()) owned.committed = offsets[i]!.position
  }
}
