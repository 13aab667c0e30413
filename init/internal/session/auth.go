package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/publish"
	"github.com/nexus-workspaces/nexus/init/internal/version"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// What each side's proof begins with, so that neither can be given back as the other's.
const (
	daemonLabel  = "nexus-init daemon"
	machineLabel = "nexus-init machine"

	nonceSize = 32
)

type hello struct {
	Protocols []int  `json:"protocols"`
	Version   string `json:"version"`
	Build     string `json:"build"`
	Nonce     []byte `json:"nonce"`
}

type authenticate struct {
	Protocol int    `json:"protocol"`
	Nonce    []byte `json:"nonce"`
	Proof    []byte `json:"proof"`
}

type authenticated struct {
	Proof      []byte         `json:"proof"`
	PID        int            `json:"pid"`
	Name       string         `json:"name"`
	Boot       string         `json:"boot"`
	Generation int            `json:"generation"`
	Published  []publish.Port `json:"published"`
	page
}

type closing struct {
	Reason string `json:"reason"`
}

// prove returns HMAC-SHA256(secret, label ‖ nonces).
func prove(secret []byte, label string, nonces ...[]byte) []byte {
	hash := hmac.New(sha256.New, secret)
	hash.Write([]byte(label))
	for _, nonce := range nonces {
		hash.Write(nonce)
	}
	return hash.Sum(nil)
}

// greet asks a peer to prove that it is the daemon, and serves it if it does.
func (s *Server) greet(socket *net.UnixConn) {
	conn := wire.NewConn(socket)
	defer conn.Close()
	socket.SetDeadline(time.Now().Add(authTime))
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	request, answer, err := s.challenge(conn, nonce)
	s.proven(socket)
	if err != nil {
		var violation wire.Violation
		if errors.As(err, &violation) {
			conn.Write(wire.Text, wire.Notification("closing", closing{string(violation)}), -1)
		}
		return
	}
	socket.SetDeadline(time.Time{})
	s.serve(conn, request, prove(s.Identity.Secret, machineLabel, answer.Nonce, nonce))
}

// challenge returns the request of a peer that has proven itself.
func (s *Server) challenge(conn *wire.Conn, nonce []byte) (*wire.Request, *authenticate, error) {
	current := version.Current()
	greeting := hello{current.Protocols, current.Version, current.Build, nonce}
	if err := conn.Write(wire.Text, wire.Notification("hello", greeting), -1); err != nil {
		return nil, nil, err
	}
	message, err := conn.Read(wire.MaxUnproven)
	if err != nil {
		return nil, nil, err
	}
	defer message.Close()
	if message.Kind != wire.Text || len(message.Files) > 0 {
		return nil, nil, wire.Violation("the first message is authenticate")
	}
	request, err := wire.ParseRequest(message.Payload)
	if err != nil {
		return nil, nil, err
	}
	if request.Method != "authenticate" || request.ID == nil {
		return nil, nil, wire.Violation("the first message is authenticate")
	}
	params := &authenticate{}
	failure := request.Decode(params)
	if failure == nil && params.Protocol != version.Protocol {
		failure = wire.Errorf(wire.ProtocolUnknown, nil, "there is no protocol %d here", params.Protocol)
		failure.Protocols = current.Protocols
	}
	if failure == nil && (len(params.Nonce) != nonceSize ||
		!hmac.Equal(params.Proof, prove(s.Identity.Secret, daemonLabel, nonce, params.Nonce))) {
		failure = wire.Errorf(wire.Unauthenticated, nil, "the proof is wrong")
	}
	if failure != nil {
		conn.Write(wire.Text, wire.Failure(request.ID, failure), -1)
		return nil, nil, failure
	}
	return request, params, nil
}
