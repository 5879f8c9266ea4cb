package main

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// Hub knows who wants what.
type Hub struct {
	mutex      sync.RWMutex
	byThing    map[string]map[*Client]bool
	byType     map[string]map[*Client]bool
	everything map[*Client]bool
	generation int64
}

// Client has frames that wait, and a goroutine that writes all of them at once.
type Client struct {
	socket  *websocket.Conn
	mutex   sync.Mutex
	waiting net.Buffers
	wake    chan struct{}
}

type command struct {
	Action  string            `json:"action"`
	ThingID string            `json:"thingId"`
	Filter  map[string]string `json:"filter"`
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func newHub() *Hub {
	return &Hub{byThing: map[string]map[*Client]bool{}, byType: map[string]map[*Client]bool{},
		everything: map[*Client]bool{}}
}

// audience is computed once until a subscription changes. The caller owns the Thing.
func (hub *Hub) audience(thing *Thing) []*Client {
	if thing.generation == atomic.LoadInt64(&hub.generation) {
		return thing.audience
	}
	hub.mutex.RLock()
	defer hub.mutex.RUnlock()
	found := map[*Client]bool{}
	for _, set := range []map[*Client]bool{hub.everything, hub.byType[thing.Type], hub.byThing[thing.ID]} {
		for client := range set {
			found[client] = true
		}
	}
	thing.audience = make([]*Client, 0, len(found))
	for client := range found {
		thing.audience = append(thing.audience, client)
	}
	thing.generation = atomic.LoadInt64(&hub.generation)
	return thing.audience
}

func (hub *Hub) subscribe(client *Client, c command) {
	hub.mutex.Lock()
	defer hub.mutex.Unlock()
	add := func(sets map[string]map[*Client]bool, key string) {
		if sets[key] == nil {
			sets[key] = map[*Client]bool{}
		}
		sets[key][client] = true
	}
	switch {
	case c.ThingID != "":
		add(hub.byThing, c.ThingID)
	case c.Filter["type"] != "":
		add(hub.byType, c.Filter["type"])
	default:
		hub.everything[client] = true
	}
	atomic.AddInt64(&hub.generation, 1)
}

func (hub *Hub) forget(client *Client) {
	hub.mutex.Lock()
	defer hub.mutex.Unlock()
	delete(hub.everything, client)
	for _, sets := range []map[string]map[*Client]bool{hub.byType, hub.byThing} {
		for _, set := range sets {
			delete(set, client)
		}
	}
	atomic.AddInt64(&hub.generation, 1)
}

func (hub *Hub) serve(w http.ResponseWriter, r *http.Request) {
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	client := &Client{socket: socket, wake: make(chan struct{}, 1)}
	go client.write()
	defer close(client.wake)
	defer socket.Close()
	defer hub.forget(client)
	for {
		_, text, err := socket.ReadMessage()
		if err != nil {
			return
		}
		var c command
		if json.Unmarshal(text, &c) == nil && c.Action == "subscribe" {
			hub.subscribe(client, c)
			client.send(textFrame([]byte(`{"event":"Subscribed"}`)))
		}
	}
}

// send never blocks: who does not read is owed more and more.
func (client *Client) send(frame []byte) {
	client.mutex.Lock()
	client.waiting = append(client.waiting, frame)
	first := len(client.waiting) == 1
	client.mutex.Unlock()
	if first {
		defer func() { _ = recover() }() // it may just have gone
		select {
		case client.wake <- struct{}{}:
		default:
		}
	}
}

func (client *Client) write() {
	var spare net.Buffers
	socket := client.socket.UnderlyingConn()
	for range client.wake {
		client.mutex.Lock()
		taken := client.waiting
		client.waiting = spare[:0]
		client.mutex.Unlock()
		spare = taken
		if _, err := taken.WriteTo(socket); err != nil {
			return
		}
	}
}

func textFrame(text []byte) []byte {
	size := len(text)
	if size < 126 {
		return append([]byte{0x81, byte(size)}, text...)
	}
	return append([]byte{0x81, 126, byte(size >> 8), byte(size)}, text...)
}
