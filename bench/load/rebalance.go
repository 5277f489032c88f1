package main

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"
)

const (
	joinVersion, syncVersion = 9, 5
	joinedErrorAt            = 4 + 1 + 4 // correlation id, no tagged fields, throttle time
	joinedGenerationAt       = joinedErrorAt + 2
	syncedErrorAt            = 4 + 1 + 4
	unset                    = 0x7a7a7a7a // stands for the generation in a request that was made before it was known
)

// readied is a member with both of its requests made before the time runs.
type readied struct {
	*member
	join         []byte
	sync         []byte
	generationAt int
}

func (m *member) ready(all []*member) *readied {
	join := m.joinRequest()
	var ids []string
	if m.leads {
		for _, other := range all {
			ids = append(ids, other.id)
		}
	}
	sync := m.syncRequest(ids)
	sync.Generation = unset
	if join.Version != joinVersion || sync.Version != syncVersion {
		fail("JoinGroup version %d and SyncGroup version %d, not %d and %d", join.Version, sync.Version, joinVersion, syncVersion)
	}
	r := &readied{member: m, join: formatter.AppendRequest(nil, join, 0), sync: formatter.AppendRequest(nil, sync, 0)}
	r.generationAt = bytes.Index(r.sync, binary.BigEndian.AppendUint32(nil, unset))
	return r
}

// again takes the member through the round. Whoever is told to begin again begins again.
func (r *readied) again() {
	for {
		r.coord.send(r.join)
		joined := r.coord.answer()
		if r.isToRejoin(joined, joinedErrorAt) {
			continue
		}
		if leads := isLed(joined, r.id); leads != r.leads {
			fail("member %s: leads was %v, is %v", r.id, r.leads, leads)
		}
		copy(r.sync[r.generationAt:], joined[joinedGenerationAt:joinedGenerationAt+4])
		r.coord.send(r.sync)
		if !r.isToRejoin(r.coord.answer(), syncedErrorAt) {
			return
		}
	}
}

func (r *readied) isToRejoin(answer []byte, errorAt int) bool {
	code := int16(binary.BigEndian.Uint16(answer[errorAt:]))
	if code != 0 && !slices.Contains(rejoin, code) {
		fail("member %s: error code %d", r.id, code)
	}
	return code != 0
}

// isLed looks for the leader in the answer to a join: the third string after the generation.
func isLed(joined []byte, id string) bool {
	at := joinedGenerationAt + 4
	for range 2 {
		at += max(1, int(joined[at]))
	}
	leader := joined[at+1 : at+int(joined[at])]
	return string(leader) == id
}

// rebalance has all members of a whole group join again at the same time with something new to say, and takes the time until the last has its assignment.
func rebalance() {
	var beat atomic.Int64
	stop := make(chan struct{})
	began := time.Now()
	members, staying := form(1, *members, partitionsOf(*topic), &beat, stop)
	formed := time.Since(began).Seconds()
	close(stop)
	staying.Wait()
	for round := range *warmRounds {
		rebalanceOnce(members, round)
	}
	time.Sleep(*warmUp)
	m := startMeter()
	for round := range *rounds {
		m.took(rebalanceOnce(members, *warmRounds+round).Seconds() * 1e3)
		m.did(0, 0)
	}
	m.report(map[string]float64{"formedS": formed})
}

func rebalanceOnce(members []*member, round int) time.Duration {
	var all []*readied
	for _, one := range members {
		one.userData = []byte{byte(round)}
		all = append(all, one.ready(members))
	}
	at := time.Now()
	together(all, (*readied).again)
	return time.Since(at)
}
