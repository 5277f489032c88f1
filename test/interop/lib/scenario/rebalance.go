package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Member is one consumer in a group. It adds a record only after it has committed it: what the test has seen is
// never read again after a rebalance.
type Member struct {
	mutex   sync.Mutex
	records []string
	err     error
	// Leave ends the consumer and waits for that.
	Leave func()
}

func (m *Member) Add(partition int, offset int64, value []byte) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.records = append(m.records, fmt.Sprintf("%d/%d %s", partition, offset, value))
}

// Broken keeps an error of the consumer's own goroutine for the test.
func (m *Member) Broken(err error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.err = err
}

// WaitForCount waits until the member has at least so many records.
func (m *Member) WaitForCount(count int) {
	WaitFor(fmt.Sprintf("%d records in a member", count), func() bool { return len(seenBy(m)) >= count })
}

func seenBy(members ...*Member) []string {
	var all []string
	for _, m := range members {
		m.mutex.Lock()
		NoError("a member", m.err)
		all = append(all, m.records...)
		m.mutex.Unlock()
	}
	slices.Sort(all)
	return all
}

// Group is what a client brings for the group scenario, in which the topic has four partitions.
type Group struct {
	// Send writes the value to the partition and waits for the acknowledgement.
	Send func(partition int, value string)
	Join func() *Member
	// Shares tells how many partitions each member has by the broker's description; nil while it is not stable.
	Shares func() []int
	// Committed gives the group's offset of each partition.
	Committed func() []int64
}

// Rebalance lets two members share the partitions, one of them leave, the other take over, and a third begin where
// the group has left off.
func (g Group) Rebalance() {
	first := g.Join()
	second := g.Join()
	g.waitForShares(2, 2)
	sent := g.send(0, 40)
	WaitFor("40 records in both", func() bool { return len(seenBy(first, second)) >= 40 })
	Expect("records in both", seenBy(first, second), sent)

	second.Leave()
	g.waitForShares(4)
	before := len(seenBy(first))
	sent = g.send(40, 20)
	WaitFor("20 records in the first", func() bool { return len(seenBy(first)) >= before+20 })
	Expect("records after the take-over", after(first, before), sent)
	first.Leave()

	sent = g.send(60, 8)
	third := g.Join()
	third.WaitForCount(8)
	Expect("records after the committed offsets", seenBy(third), sent)
	third.Leave()
	Expect("committed offsets", g.Committed(), []int64{17, 17, 17, 17})
}

func (g Group) waitForShares(wanted ...int) {
	WaitFor(fmt.Sprintf("shares of %v", wanted), func() bool {
		shares := g.Shares()
		slices.Sort(shares)
		return slices.Equal(shares, wanted)
	})
}

func (g Group) send(first, count int) []string {
	var sent []string
	for n := first; n < first+count; n++ {
		g.Send(n%4, strconv.Itoa(n))
		sent = append(sent, fmt.Sprintf("%d/%d %d", n%4, n/4, n))
	}
	slices.Sort(sent)
	return sent
}

func after(m *Member, count int) []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	texts := slices.Clone(m.records[count:])
	slices.Sort(texts)
	return texts
}

// CallLimit bounds one call of a client.
const CallLimit = 10 * time.Second
