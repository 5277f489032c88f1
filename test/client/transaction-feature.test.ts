/** Which of Kafka's two protocols is spoken follows the finalised feature `transaction.version`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admin, Producer } from '@millrace/client'
import { UpdateFeatures } from '@millrace/protocol'
import { startTestBroker } from '@millrace/testkit'

const UNSAFE_DOWNGRADE = 3

for (const level of [0, 1, 2])
  test(`at transaction.version ${level} the epoch ${level === 2 ? 'rises with each transaction' : 'stays'}`, async () => {
    await using broker = await startTestBroker()
    await using wire = await broker.connect()
    const featureUpdates = [
      { feature: 'transaction.version', maxVersionLevel: level, upgradeType: level === 2 ? 1 : UNSAFE_DOWNGRADE },
    ]
    assert.equal((await wire.request(UpdateFeatures, 2, { featureUpdates, timeoutMs: 1000 })).errorCode, 0)
    const bootstrap = `127.0.0.1:${broker.port}`
    await using admin = new Admin({ bootstrap })
    await admin.topics.create([{ name: 'a' }])
    await using producer = new Producer({ bootstrap, transactionalId: 'id' })
    for (let n = 0; n < 3; n++)
      await producer.transaction(transaction => transaction.send({ topic: 'a', value: `${n}` }))
    // The answer to the end does not wait for the marker.
    await producer.transaction(transaction => transaction.send({ topic: 'a', value: 'last' }))
    const [state] = (await admin.topics.producers([{ topic: 'a', partition: 0 }])).get('a-0')!
    if (level === 2) assert.ok(state!.producerEpoch >= 3, `epoch ${state!.producerEpoch}`)
    else assert.equal(state!.producerEpoch, 0)
  })
