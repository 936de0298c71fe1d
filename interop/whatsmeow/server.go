package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// server is where the client is led instead of to the real service.
type server struct {
	address string
	tls     bool
	control string
}

// theServer reads it from the environment.
func theServer() server {
	address := loopback("SQUALL_URL")
	if address == nil {
		refuse("SQUALL_URL is not set, such as ws://127.0.0.1:8080/ws/chat")
	}
	server := server{address: address.Host, tls: address.Scheme == "wss"}
	if control := loopback("SQUALL_CONTROL"); control != nil {
		server.control = strings.TrimSuffix(control.String(), "/")
	}
	return server
}

// loopback is the address in this variable, if there is one, which must be one of this machine's own.
func loopback(variable string) *url.URL {
	text, given := os.LookupEnv(variable)
	if !given {
		return nil
	}
	address, err := url.Parse(text)
	if err != nil {
		refuse(variable + ": " + err.Error())
	}
	host := address.Hostname()
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		refuse(variable + "=" + text + " is not a loopback address; this client must never meet the real service")
	}
	return address
}

// client dials the server, whatever address it is asked for. The library's own address cannot be changed; its transport
// can, and the path is the same.
func (s server) client() *http.Client {
	nth := 0
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		// The library makes one connection at a time.
		nth++
		say("dial", fields{"nth": nth})
		plain, err := dialer.DialContext(ctx, network, s.address)
		if err != nil || !s.tls {
			return plain, err
		}
		// The certificate is made for each run and signs itself; what is trusted is the root of the Noise handshake.
		return tls.Client(plain, &tls.Config{InsecureSkipVerify: true}), nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DialTLSContext: dial}}
}

// scan holds a QR code before the mock phone.
func (s server) scan(code string) {
	if s.control == "" {
		return
	}
	answer, err := http.Post(s.control+"/admin/mock-phone/scan-qr", "text/plain", strings.NewReader(code))
	if err != nil {
		say("failed", fields{"what": "scan-qr", "why": err.Error()})
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		body, _ := io.ReadAll(answer.Body)
		say("failed", fields{"what": "scan-qr", "why": fmt.Sprintf("%d %s", answer.StatusCode, body)})
	}
}
