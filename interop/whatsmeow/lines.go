package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	waLog "go.mau.fi/whatsmeow/util/log"
)

type fields map[string]any

var (
	begun  = time.Now()
	saying sync.Mutex
)

// say writes one line of what happened.
func say(event string, details fields) {
	line := fields{"event": event, "at": time.Since(begun).Milliseconds()}
	for name, value := range details {
		line[name] = value
	}
	saying.Lock()
	defer saying.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

func refuse(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(2)
}

type order struct {
	Do   string `json:"do"`
	To   string `json:"to"`
	Text string `json:"text"`
}

// obey does what each line asks for, and ends with "stop" or with the input.
func (d *driver) obey(input io.Reader) {
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		var order order
		err := json.Unmarshal(lines.Bytes(), &order)
		if err == nil {
			err = d.do(order)
		}
		if err != nil {
			say("failed", fields{"what": lines.Text(), "why": err.Error()})
		}
	}
	// Nobody commands any more: it stays connected until it is ended.
	select {}
}

func (d *driver) do(order order) error {
	switch order.Do {
	case "start":
		d.connect()
	case "send":
		return d.send(order.To, order.Text)
	case "stop":
		d.client.Disconnect()
		os.Exit(0)
	default:
		return fmt.Errorf("no such order: %q", order.Do)
	}
	return nil
}

// toStderr is where the library logs its warnings.
type toStderr struct{}

func (toStderr) Warnf(text string, args ...any)  { fmt.Fprintf(os.Stderr, "warn "+text+"\n", args...) }
func (toStderr) Errorf(text string, args ...any) { fmt.Fprintf(os.Stderr, "error "+text+"\n", args...) }
func (toStderr) Infof(string, ...any)            {}
func (toStderr) Debugf(string, ...any)           {}
func (log toStderr) Sub(string) waLog.Logger     { return log }
