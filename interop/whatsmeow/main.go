// A client made of whatsmeow, as a subject of Squall: lines of JSON in and out. See ../README.md.
package main

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
	_ "modernc.org/sqlite"
)

func main() {
	name := flag.String("name", "whatsmeow", "the push name, and with it the account")
	directory := flag.String("store", "", "where credentials are kept; in memory without it")
	keepAlive := flag.Int("keep-alive", 0, "the interval of pings, in milliseconds; the library's own without it")
	redial := flag.String("redial", "typical", "never or typical")
	flag.Parse()
	if *redial != "never" && *redial != "typical" {
		refuse("--redial is never or typical")
	}
	server := theServer()
	trustRoot()
	if *keepAlive > 0 {
		whatsmeow.KeepAliveIntervalMin = time.Duration(*keepAlive) * time.Millisecond
		// It draws from what is between the two, which must not be empty.
		whatsmeow.KeepAliveIntervalMax = whatsmeow.KeepAliveIntervalMin + time.Millisecond
	}
	// Which account registers is told by its push name.
	store.BaseClientPayload.PushName = proto.String(*name)

	client, err := newClient(context.Background(), *directory, toStderr{})
	if err != nil {
		refuse(err.Error())
	}
	client.EnableAutoReconnect = *redial == "typical"
	direct := server.client()
	client.SetWebsocketHTTPClient(direct)
	client.SetPreLoginHTTPClient(direct)
	driver := &driver{client: client, server: server}
	client.AddEventHandler(driver.onEvent)
	driver.connect()
	driver.obey(os.Stdin)
}

// newClient takes the first device of the store, or makes one.
func newClient(ctx context.Context, directory string, log toStderr) (*whatsmeow.Client, error) {
	// Shared, or each connection of the pool would have a memory of its own.
	address := "file:squall?mode=memory&cache=shared&_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)"
	if directory != "" {
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return nil, err
		}
		address = "file:" + filepath.Join(directory, "whatsmeow.db") + "?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)"
	}
	container, err := sqlstore.New(ctx, "sqlite", address, log)
	if err != nil {
		return nil, fmt.Errorf("the store in %q: %w", directory, err)
	}
	device, err := container.GetFirstDevice(ctx)
	if err != nil {
		return nil, fmt.Errorf("the device in %q: %w", directory, err)
	}
	return whatsmeow.NewClient(device, log), nil
}

// trustRoot takes the run's root key in place of the service's own.
func trustRoot() {
	text, given := os.LookupEnv("SQUALL_ROOT_KEY")
	if !given {
		return
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != len(whatsmeow.WACertPubKey) {
		refuse("SQUALL_ROOT_KEY is not 64 hexadecimal digits")
	}
	copy(whatsmeow.WACertPubKey[:], key)
}

type driver struct {
	client *whatsmeow.Client
	server server
}

// connect begins a connection; the library makes those after it by itself.
func (d *driver) connect() {
	if err := d.client.Connect(); err != nil {
		say("closed", fields{"code": nil, "reason": err.Error()})
	}
}

func (d *driver) onEvent(raw any) {
	switch event := raw.(type) {
	case *events.QR:
		say("qr", fields{"text": event.Codes[0]})
		d.server.scan(event.Codes[0])
	case *events.PairSuccess:
		say("paired", fields{"jid": event.ID.String()})
	case *events.Connected:
		say("open", fields{"jid": d.client.Store.ID.String(), "lid": d.client.Store.LID.String()})
	case *events.Disconnected:
		closed(nil, "disconnected")
	case *events.StreamError:
		closed(event.Code, "stream error")
	case *events.StreamReplaced:
		closed("replaced", "stream replaced")
	case *events.LoggedOut:
		closed(int(event.Reason), "logged out")
	case *events.TemporaryBan:
		closed(int(event.Code), "temporary ban until "+event.Expire.String())
	case *events.ConnectFailure:
		closed(int(event.Reason), "connect failure: "+event.Message)
	case *events.ClientOutdated:
		closed(405, "client outdated")
	case *events.KeepAliveTimeout:
		say("keep_alive_late", fields{"missed": event.ErrorCount})
	case *events.KeepAliveRestored:
		say("keep_alive_recovered", nil)
	case *events.Message:
		d.onMessage(event)
	case *events.UndecryptableMessage:
		say("undecryptable", fields{"id": event.Info.ID, "from": event.Info.Sender.String()})
	case *events.Receipt:
		onReceipt(event)
	}
}

func closed(code any, reason string) {
	say("closed", fields{"code": code, "reason": reason})
}

func (d *driver) onMessage(event *events.Message) {
	text := event.Message.GetConversation()
	if text == "" {
		text = event.Message.GetExtendedTextMessage().GetText()
	}
	if text != "" && !event.Info.IsFromMe {
		say("message", fields{"id": event.Info.ID, "from": event.Info.Sender.String(), "text": text})
	}
}

func onReceipt(event *events.Receipt) {
	names := map[types.ReceiptType]string{types.ReceiptTypeDelivered: "delivered", types.ReceiptTypeRead: "read"}
	name, told := names[event.Type]
	if !told || event.IsFromMe {
		return
	}
	for _, id := range event.MessageIDs {
		say(name, fields{"id": id})
	}
}

// send sends a text; the library answers when the server has acknowledged it.
func (d *driver) send(to, text string) error {
	jid := types.NewJID(to, types.DefaultUserServer)
	if strings.Contains(to, "@") {
		var err error
		if jid, err = types.ParseJID(to); err != nil {
			return err
		}
	}
	id := d.client.GenerateMessageID()
	say("sent", fields{"id": id, "to": to})
	message := &waE2E.Message{Conversation: proto.String(text)}
	if _, err := d.client.SendMessage(context.Background(), jid, message, whatsmeow.SendRequestExtra{ID: id}); err != nil {
		return err
	}
	say("acknowledged", fields{"id": id})
	return nil
}
