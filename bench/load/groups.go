package main

import (
	"fmt"
	"math/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	formingBeat    = 200 * time.Millisecond
	steadyBeat     = 3 * time.Second
	commitEvery    = 5 * time.Second
	formLimit      = 2 * time.Minute
	trickleGap     = 200 * time.Millisecond
	memberRequired = 79
	unknownMember  = 25
)

// What tells a member to join again: generation over, rebalance in progress.
var rejoin = []int16{22, 27}

// group gathers which members of it are where, to know when it has formed.
type group struct {
	name   string
	size   int
	mu     sync.Mutex
	whole  int32 // the generation in which the leader saw all members, -1 before
	synced map[int32]int
}

func (g *group) isFormed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.whole >= 0 && g.synced[g.whole] == g.size
}

type member struct {
	group      *group
	number     int
	id         string
	generation int32
	leads      bool
	coord      *conn
	userData   []byte
	all        []partition
	beat       *atomic.Int64
	offset     atomic.Int64
}

// join goes through JoinGroup and SyncGroup until the member has its assignment, as classic consumers do.
func (m *member) join() {
	for {
		resp := m.coord.ask(m.joinRequest()).(*kmsg.JoinGroupResponse)
		switch code := resp.ErrorCode; {
		case code == 0:
			m.id, m.generation, m.leads = resp.MemberID, resp.Generation, resp.LeaderID == resp.MemberID
			if m.sync(resp) {
				return
			}
		case code == memberRequired:
			m.id = resp.MemberID
		case code == unknownMember:
			m.id = ""
		case slices.Contains(notYet, code):
			time.Sleep(20 * time.Millisecond)
		case !slices.Contains(rejoin, code):
			fail("join group: error code %d", code)
		}
	}
}

func (m *member) joinRequest() *kmsg.JoinGroupRequest {
	req := newest(kmsg.NewPtrJoinGroupRequest(), 9)
	req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = m.group.name, 45_000, 60_000
	req.MemberID, req.ProtocolType = m.id, "consumer"
	p := kmsg.NewJoinGroupRequestProtocol()
	subscription := kmsg.NewConsumerMemberMetadata()
	subscription.Topics, subscription.UserData = []string{*topic}, m.userData
	p.Name, p.Metadata = "range", subscription.AppendTo(nil)
	req.Protocols = append(req.Protocols, p)
	return req
}

// syncRequest assigns a partition to each of the members; only the leader knows them.
func (m *member) syncRequest(ids []string) *kmsg.SyncGroupRequest {
	req := newest(kmsg.NewPtrSyncGroupRequest(), 5)
	req.Group, req.Generation, req.MemberID = m.group.name, m.generation, m.id
	req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	for i, id := range ids {
		assignment := kmsg.NewConsumerMemberAssignment()
		t := kmsg.NewConsumerMemberAssignmentTopic()
		t.Topic, t.Partitions = *topic, []int32{m.all[i%len(m.all)].id}
		assignment.Topics = append(assignment.Topics, t)
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = id, assignment.AppendTo(nil)
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	return req
}

func (m *member) sync(joined *kmsg.JoinGroupResponse) bool {
	var ids []string
	for _, other := range joined.Members {
		ids = append(ids, other.MemberID)
	}
	resp := m.coord.ask(m.syncRequest(ids)).(*kmsg.SyncGroupResponse)
	if slices.Contains(rejoin, resp.ErrorCode) {
		return false
	}
	if resp.ErrorCode != 0 {
		fail("sync group: error code %d", resp.ErrorCode)
	}
	g := m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(joined.Members) == g.size {
		g.whole = m.generation
	}
	g.synced[m.generation]++
	return true
}

// stay joins, and keeps its place with heartbeats until stop is closed.
func (m *member) stay(stop chan struct{}) {
	m.join()
	committed := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(float64(m.beat.Load()) * (0.9 + 0.2*rand.Float64()))):
		}
		req := newest(kmsg.NewPtrHeartbeatRequest(), 4)
		req.Group, req.Generation, req.MemberID = m.group.name, m.generation, m.id
		code := m.coord.ask(req).(*kmsg.HeartbeatResponse).ErrorCode
		if slices.Contains(rejoin, code) || code == unknownMember {
			m.join()
		} else if code != 0 {
			fail("heartbeat: error code %d", code)
		}
		if m.offset.Load() > 0 && time.Since(committed) > commitEvery {
			m.commit()
			committed = time.Now()
		}
	}
}

func (m *member) commit() {
	req := newest(kmsg.NewPtrOffsetCommitRequest(), 8)
	req.Group, req.Generation, req.MemberID = m.group.name, m.generation, m.id
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = *topic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.LeaderEpoch = m.all[m.number%len(m.all)].id, m.offset.Load(), -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	if code := m.coord.ask(req).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; code != 0 && !slices.Contains(rejoin, code) {
		fail("offset commit: error code %d", code)
	}
}

// form makes the groups and waits until all of them are whole.
func form(count, size int, all []partition, beat *atomic.Int64, stop chan struct{}) ([]*member, *sync.WaitGroup) {
	beat.Store(int64(formingBeat))
	run := rand.Int63()
	var members []*member
	var groups []*group
	for g := range count {
		own := &group{name: fmt.Sprintf("load-%x-%d", run, g), size: size, whole: -1, synced: map[int32]int{}}
		groups = append(groups, own)
		address := coordinatorOf(own.name, 0)
		for i := range size {
			members = append(members, &member{group: own, number: i, coord: dial(address), all: all, beat: beat})
		}
	}
	var staying sync.WaitGroup
	for _, m := range members {
		staying.Go(func() { m.stay(stop) })
	}
	for deadline := time.Now().Add(formLimit); !allFormed(groups); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			fail("the groups did not form within %v", formLimit)
		}
	}
	return members, &staying
}

func allFormed(groups []*group) bool {
	return !slices.ContainsFunc(groups, func(g *group) bool { return !g.isFormed() })
}

// groupsIdle has groups of consumers follow one topic in which little happens: long polls, heartbeats, a commit every five seconds.
func groupsIdle() {
	all := partitionsOf(*topic)
	var beat atomic.Int64
	stop := make(chan struct{})
	members, staying := form(*groups, *members, all, &beat, stop)
	beat.Store(int64(steadyBeat))
	for _, m := range members {
		p := all[m.number%len(all)]
		go m.follow(place{p, endOffset(p)}, stop)
	}
	go trickle(all, stop)
	time.Sleep(*warmUp)
	m := startMeter()
	time.Sleep(*duration)
	m.report(map[string]float64{"members": float64(len(members))})
	close(stop)
	staying.Wait()
}

// follow long-polls one partition in a fetch session.
func (m *member) follow(at place, stop chan struct{}) {
	c := dial(at.leader)
	time.Sleep(time.Duration(rand.Int63n(int64(time.Duration(*maxWait) * time.Millisecond))))
	changed := []place{at}
	for session, epoch := int32(0), int32(0); ; epoch++ {
		select {
		case <-stop:
			return
		default:
		}
		req := fetchRequest(changed, session, epoch)
		c.send(formatter.AppendRequest(nil, req, 0))
		resp := fetched(c.answer(), req.Version)
		session = resp.SessionID
		changed = nil
		for _, t := range resp.Topics {
			if after, _ := eachBatch(t.Partitions[0].RecordBatches, nil); after >= 0 {
				at.offset = after
				m.offset.Store(after)
				changed = []place{at}
			}
		}
	}
}

func trickle(all []partition, stop chan struct{}) {
	c := dial(all[0].leader)
	records := newBatch(1, 100)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(trickleGap):
		}
		one := makeProduce(records, all[i%len(all)])
		c.send(one.frame)
		one.check(c.answer())
	}
}
