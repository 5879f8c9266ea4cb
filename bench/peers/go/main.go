// The peer: what the customer's document asks for (chi, gorilla/websocket, eclipse paho,
// encoding/json) doing the same work, as fast as we could make it.
//
// Tuned, in the order of what it brought: all waiting frames of a client in one write (writev
// of shared slices, one encoding an event); a worker a core, hashed by topic; garbage collected
// less often; a read buffer under paho; maps merged in place; audiences cached by Thing; ids kept
// sorted for the query.
//
//	go-peer HTTP_PORT BROKER_PORT
package main

import (
	"fmt"
	"hash/maphash"
	"log"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

type message struct {
	topic   string
	payload []byte
}

func main() {
	debug.SetGCPercent(400)
	engine := newEngine(runtime.NumCPU())
	if os.Args[2] != "0" {
		go ingest(engine, os.Args[2])
	} else {
		atomic.StoreInt32(&engine.ready, 1)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], routes(engine)))
}

// ingest subscribes and hands each message to the worker of its topic, in order.
func ingest(engine *Engine, port string) {
	queues := make([]chan message, len(engine.workers))
	for i, worker := range engine.workers {
		queues[i] = make(chan message, 8192)
		go worker.run(queues[i])
	}
	seed := maphash.MakeSeed()
	options := mqtt.NewClientOptions().
		AddBroker("tcp://127.0.0.1:" + port).
		SetClientID("go-peer").
		SetKeepAlive(0).
		SetMessageChannelDepth(8192).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			var hash maphash.Hash
			hash.SetSeed(seed)
			hash.WriteString(m.Topic())
			queues[hash.Sum64()%uint64(len(queues))] <- message{m.Topic(), m.Payload()}
		})
	client := mqtt.NewClient(options)
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		log.Fatal(token.Error())
	}
	// Without a handler of its own: paho would match the topic anew for each message.
	if token := client.Subscribe("sensors/+/telemetry", 0, nil); token.Wait() && token.Error() != nil {
		log.Fatal(token.Error())
	}
	atomic.StoreInt32(&engine.ready, 1)
	fmt.Println("ready")
}
