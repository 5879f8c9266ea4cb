package main

import (
	"encoding/json"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Thing and Feature as the PRD has them.
type Thing struct {
	ID          string              `json:"id"`
	Type        string              `json:"type"`
	Metadata    map[string]any      `json:"metadata"`
	Features    map[string]*Feature `json:"features"`
	Version     int64               `json:"version"`
	LastUpdated time.Time           `json:"lastUpdated"`

	audience   []*Client // cached, true while generation is the hub's
	generation int64
}

type Feature struct {
	Properties   map[string]any `json:"properties"`
	DesiredState map[string]any `json:"desiredState,omitempty"`
}

type StateChanged struct {
	Event      string         `json:"event"`
	ThingID    string         `json:"thingId"`
	Feature    string         `json:"feature"`
	Properties map[string]any `json:"properties"`
	Version    int64          `json:"version"`
	Timestamp  time.Time      `json:"timestamp"`
}

// Engine is workers that each own a part of the Things.
type Engine struct {
	workers []*Worker
	hub     *Hub
	ready   int32

	mutex sync.RWMutex // of the maps
	// places says where a Thing lives: it stays with the worker whose topic made it, or for one
	// made over REST, goes to that worker with its first message.
	places map[string]*Thing
	locks  map[string]*Worker
	ids    map[string][]string // by type, sorted; made anew by the query after Things came
}

// Worker applies the messages of its topics. Its mutex guards its Things against REST.
type Worker struct {
	engine  *Engine
	mutex   sync.RWMutex
	things  map[string]*Thing // by topic
	applied int64
}

func newEngine(cores int) *Engine {
	engine := &Engine{hub: newHub(), places: map[string]*Thing{}, locks: map[string]*Worker{},
		ids: map[string][]string{}}
	for i := 0; i < cores; i++ {
		engine.workers = append(engine.workers, &Worker{engine: engine, things: map[string]*Thing{}})
	}
	return engine
}

func (worker *Worker) run(queue chan message) {
	for m := range queue {
		var reading map[string]map[string]any
		if json.Unmarshal(m.payload, &reading) != nil {
			continue
		}
		worker.apply(m.topic, reading)
		atomic.AddInt64(&worker.applied, 1)
	}
}

func (worker *Worker) apply(topic string, reading map[string]map[string]any) {
	worker.mutex.Lock()
	defer worker.mutex.Unlock()
	thing := worker.things[topic]
	if thing == nil {
		thing = worker.adopt(topic)
	}
	now := time.Now().UTC()
	for name, patch := range reading {
		feature := thing.Features[name]
		if feature == nil {
			feature = &Feature{Properties: map[string]any{}}
			thing.Features[name] = feature
		}
		merge(feature.Properties, patch)
		thing.Version++
		thing.LastUpdated = now
		clients := worker.engine.hub.audience(thing)
		if len(clients) == 0 {
			continue
		}
		text, err := json.Marshal(StateChanged{"StateChanged", thing.ID, name, patch, thing.Version, now})
		if err != nil {
			continue
		}
		frame := textFrame(text)
		for _, client := range clients {
			client.send(frame)
		}
	}
}

func (worker *Worker) adopt(topic string) *Thing {
	id := "factory:" + strings.Split(topic, "/")[1]
	engine := worker.engine
	engine.mutex.Lock()
	defer engine.mutex.Unlock()
	thing := engine.places[id]
	if thing == nil {
		thing = newThing(id, "device")
		engine.places[id] = thing
		delete(engine.ids, thing.Type)
	}
	engine.locks[id] = worker
	worker.things[topic] = thing
	return thing
}

// sorted gives the ids of one type; nobody changes the slice.
func (engine *Engine) sorted(kind string) []string {
	engine.mutex.RLock()
	ids := engine.ids[kind]
	engine.mutex.RUnlock()
	if ids != nil {
		return ids
	}
	engine.mutex.Lock()
	defer engine.mutex.Unlock()
	ids = []string{}
	for id, thing := range engine.places {
		if thing.Type == kind {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	engine.ids[kind] = ids
	return ids
}

func newThing(id, kind string) *Thing {
	return &Thing{ID: id, Type: kind, Metadata: map[string]any{}, Features: map[string]*Feature{},
		Version: 1, LastUpdated: time.Now().UTC(), generation: -1}
}

// merge changes target in place; nobody else holds it.
func merge(target, patch map[string]any) {
	for name, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(target, name)
		case map[string]any:
			below, ok := target[name].(map[string]any)
			if !ok {
				below = map[string]any{}
				target[name] = below
			}
			merge(below, value)
		default:
			target[name] = value
		}
	}
}

// look calls do with the Thing, locked against its worker.
func (engine *Engine) look(id string, do func(*Thing)) bool {
	engine.mutex.RLock()
	thing, worker := engine.places[id], engine.locks[id]
	engine.mutex.RUnlock()
	if thing == nil {
		return false
	}
	if worker != nil {
		worker.mutex.RLock()
		defer worker.mutex.RUnlock()
	}
	do(thing)
	return true
}
