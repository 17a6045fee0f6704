// Prints every message once and in order, whatever is deployed: go run survive.go ws://a:8000/ws ws://b:8000/ws
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math"
	"math/rand"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

type envelope struct {
	Type, Epoch string
	Seq, Next   int64
	AfterS      float64 `json:"reconnect_after_s"`
	Data        json.RawMessage
	from        *websocket.Conn
	ended       error
}

func read(socket *websocket.Conn, heard chan<- envelope) {
	for said := (envelope{}); said.ended == nil; heard <- said {
		said = envelope{from: socket}
		said.ended = socket.ReadJSON(&said)
	}
}

func main() {
	rand.Seed(time.Now().UnixNano()) // Go 1.20 and newer do so by themselves
	dialer := websocket.Dialer{Subprotocols: []string{"ebb.v1"}, HandshakeTimeout: 5 * time.Second}
	urls, turn, failures, heard := os.Args[1:], 0, 0.0, make(chan envelope)
	epoch, query, seq := "", "", int64(0) // 1: the position; seq is the number of the last message
	var current, trying *websocket.Conn
	again := time.After(0)
	in := func(seconds float64) { again = time.After(time.Duration(seconds * float64(time.Second))) }
	retry := func() { failures++; in(rand.Float64() * math.Min(10, 0.1*math.Pow(2, failures))) } // full jitter
	for {
		select {
		case <-again:
			if epoch != "" {
				query = fmt.Sprintf("?epoch=%s&seq=%d", epoch, seq)
			}
			trying, _, _ = dialer.Dial(urls[turn%len(urls)]+query, nil)
			if turn++; trying != nil {
				go read(trying, heard)
			} else {
				retry()
			}
		case said := <-heard:
			switch {
			case said.from != current && said.from != trying: // it was left
			case websocket.IsCloseError(said.ended, 1000, 1003, 1008, 1009): // no client should come back
				log.Fatal(said.ended)
			case said.ended != nil && said.from == trying:
				trying = nil
				retry()
			case said.ended != nil:
				if current = nil; trying == nil {
					retry()
				}
			case said.Type == "draining": // 2: the notice; 3: each client has a moment of its own
				in(said.AfterS)
			case said.Type == "message" && said.Seq > seq: // 5: on two connections each message comes twice
				seq = said.Seq
				fmt.Println(seq, string(said.Data))
			case said.Type == "welcome" && epoch == "", said.Type == "resumed", said.Type == "gap":
				switch said.Type {
				case "welcome":
					epoch, seq = said.Epoch, said.Seq
				case "gap": // it was away for longer than the server remembers
					epoch, seq = said.Epoch, said.Next-1
					log.Print("messages are lost")
				}
				if said.from == current {
					continue
				}
				if current != nil { // 4: not before the new connection has arrived
					goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
					current.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second))
				}
				current, trying, failures = said.from, nil, 0
			}
		}
	}
}
