package nexus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

const subprotocol = "nexus.v1"

// dialLink connects, shakes hands and takes the daemon's first message. Errors are of type *ConnectError, or what the
// token source returned.
func dialLink(ctx context.Context, where address, token string, options Options) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, options.OpenTimeout)
	defer cancel()
	var cork *corkConn
	transport := &http.Transport{
		TLSClientConfig: options.TLSConfig,
		DialContext: func(ctx context.Context, network, target string) (net.Conn, error) {
			if where.socket != "" {
				network, target = "unix", where.socket
			}
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, network, target)
			if err != nil {
				return nil, err
			}
			cork = &corkConn{Conn: conn}
			return cork, nil
		},
	}
	if !where.loopback() {
		// A proxy for this machine's own loopback would carry the token elsewhere.
		transport.Proxy = http.ProxyFromEnvironment
	}
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	conn, response, err := websocket.Dial(ctx, where.url, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport: transport,
			// The token is for this daemon alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader:   header,
		Subprotocols: []string{subprotocol},
	})
	if err != nil {
		return nil, refusal(where, response, err)
	}
	conn.SetReadLimit(readLimit)
	ready, err := greeting(ctx, conn)
	if err != nil {
		_ = conn.CloseNow()
		return nil, &ConnectError{Address: where.String(), Err: err}
	}
	return startLink(conn, cork, ready, options.PingInterval), nil
}

// greeting takes the daemon's first message.
func greeting(ctx context.Context, conn *websocket.Conn) (ready protocol.SessionReady, err error) {
	if conn.Subprotocol() != subprotocol {
		return ready, fmt.Errorf("what answers speaks WebSocket, but not %s", subprotocol)
	}
	_, data, err := conn.Read(ctx)
	if err != nil {
		return ready, err
	}
	m, err := decodeMessage(data)
	if err != nil {
		return ready, violation("its first message: %w", err)
	}
	switch m.method {
	case "session.ready":
		if err = ready.UnmarshalJSON(m.params); err != nil {
			err = violation("session.ready: %w", err)
		}
		return ready, err
	case "session.closing":
		var closing protocol.SessionClosingParams
		if err = closing.UnmarshalJSON(m.params); err == nil {
			return ready, fmt.Errorf("the daemon closed the connection: %s: %w", closing.Reason, io.EOF)
		}
	}
	return ready, violation("its first message is not session.ready")
}

// refusal translates a handshake that failed.
func refusal(where address, response *http.Response, err error) error {
	failed := &ConnectError{Address: where.String(), Err: err}
	var network net.Error
	switch {
	case response == nil:
		if errors.As(err, &network) || errors.Is(err, io.EOF) {
			failed.Hint = "check the URL and the network"
			if where.loopback() {
				failed.Hint = "start the daemon with `boulder daemon start`"
			}
		}
		return failed
	case response.StatusCode == http.StatusSwitchingProtocols:
		return failed // it speaks WebSocket, but not this protocol
	}
	failed.Status = response.StatusCode
	message, data := fmt.Sprintf("refused with HTTP %d", response.StatusCode), json.RawMessage(nil)
	if response.Body != nil {
		message, data = explain(response.Body, message)
	}
	failed.Err = errors.New(message)
	if response.StatusCode == http.StatusUnauthorized {
		remote := protocol.NewRemoteError(protocol.ErrUnauthenticated.Code, message, data)
		failed.Err, failed.Hint = remote, remote.Hint
	}
	return failed
}

// explain reads the body of a refusal, {"error": {"message", "hint", ...}}.
func explain(body io.Reader, otherwise string) (string, json.RawMessage) {
	var told struct {
		Error json.RawMessage `json:"error"`
	}
	data, err := io.ReadAll(io.LimitReader(body, 4096))
	if err != nil || json.Unmarshal(bytes.TrimSpace(data), &told) != nil {
		return otherwise, nil
	}
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(told.Error, &object) != nil || object.Message == "" {
		return otherwise, nil
	}
	return object.Message, told.Error
}
