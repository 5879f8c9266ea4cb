package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/go-chi/chi"
)

func routes(engine *Engine) http.Handler {
	router := chi.NewRouter()
	router.Get("/api/v1/ws", engine.hub.serve)
	router.Get("/api/v1/things/{id}", engine.get)
	router.Post("/api/v1/things/bulk", engine.bulk)
	router.Post("/api/v1/query", engine.query)
	router.Get("/health", engine.health)
	router.Get("/health/ready", engine.health)
	router.Get("/metrics", engine.metrics)
	return router
}

func answer(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (engine *Engine) get(w http.ResponseWriter, r *http.Request) {
	var text []byte
	if !engine.look(chi.URLParam(r, "id"), func(thing *Thing) { text, _ = json.Marshal(thing) }) {
		answer(w, http.StatusNotFound, []byte(`{"code":"thing_not_found"}`))
		return
	}
	answer(w, http.StatusOK, text)
}

func (engine *Engine) bulk(w http.ResponseWriter, r *http.Request) {
	var things []*Thing
	if json.NewDecoder(r.Body).Decode(&things) != nil {
		answer(w, http.StatusBadRequest, []byte(`{"code":"bad_json"}`))
		return
	}
	type item struct {
		ID     string `json:"id"`
		Status int    `json:"status"`
	}
	items := []item{}
	engine.mutex.Lock()
	for _, given := range things {
		thing := newThing(given.ID, given.Type)
		if given.Metadata != nil {
			thing.Metadata = given.Metadata
		}
		if given.Features != nil {
			thing.Features = given.Features
		}
		engine.places[thing.ID] = thing
		delete(engine.ids, thing.Type)
		items = append(items, item{thing.ID, http.StatusCreated})
	}
	engine.mutex.Unlock()
	text, _ := json.Marshal(map[string]any{"items": items})
	answer(w, http.StatusOK, text)
}

type term struct {
	path []string
	more float64
}

// query knows a type and one $gt, in the order of the ids.
func (engine *Engine) query(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Filter map[string]any `json:"filter"`
		Limit  int            `json:"limit"`
	}
	if json.NewDecoder(r.Body).Decode(&asked) != nil {
		answer(w, http.StatusBadRequest, []byte(`{"code":"bad_json"}`))
		return
	}
	kind, _ := asked.Filter["type"].(string)
	var terms []term
	for path, operators := range asked.Filter {
		if given, ok := operators.(map[string]any); ok {
			more, _ := given["$gt"].(float64)
			terms = append(terms, term{strings.Split(path, "."), more})
		}
	}
	items := []json.RawMessage{}
	for _, id := range engine.sorted(kind) {
		if len(items) == asked.Limit {
			break
		}
		engine.look(id, func(thing *Thing) {
			for _, one := range terms {
				if !one.holds(thing) {
					return
				}
			}
			text, _ := json.Marshal(thing)
			items = append(items, text)
		})
	}
	text, _ := json.Marshal(map[string]any{"items": items})
	answer(w, http.StatusOK, text)
}

func (one term) holds(thing *Thing) bool {
	feature := thing.Features[one.path[1]]
	if feature == nil {
		return false
	}
	value := any(feature.Properties)
	for _, name := range one.path[3:] {
		members, ok := value.(map[string]any)
		if !ok {
			return false
		}
		value = members[name]
	}
	number, ok := value.(float64)
	return ok && number > one.more
}

func (engine *Engine) health(w http.ResponseWriter, _ *http.Request) {
	status := "ok"
	if atomic.LoadInt32(&engine.ready) == 0 {
		status = "degraded"
	}
	answer(w, http.StatusOK, []byte(`{"status":"`+status+`"}`))
}

func (engine *Engine) metrics(w http.ResponseWriter, _ *http.Request) {
	total := int64(0)
	for _, worker := range engine.workers {
		total += atomic.LoadInt64(&worker.applied)
	}
	fmt.Fprintf(w, "egizcore_mqtt_messages_total{source=\"mqtt\",outcome=\"applied\"} %d\n", total)
}
