package nexus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

// closeViolation is the close code for frames that no stream explains.
const closeViolation = 4400

// IsTransient reports whether connecting again may help after err, which broke a connection or kept one from being made.
// It is what Options.IsTransient stands for when it is nil.
//
// It does for a refused, reset or timed out connection, a socket that is not there (the daemon is restarting), HTTP 408,
// 425, 429 and 5xx, and every WebSocket close code but 1002, 1003, 1007, 1009, 1010 and 4400, which say that one side
// does not speak the protocol. An identity that expired or was revoked (4401) is worth one attempt, whose handshake is
// answered with 401 if it is still refused. It does not for a certificate that cannot be verified, HTTP 4xx, a server
// that does not speak the protocol, and whatever is not known here.
func IsTransient(err error) bool {
	switch code := websocket.CloseStatus(err); code {
	case -1:
	case websocket.StatusProtocolError, websocket.StatusUnsupportedData, websocket.StatusInvalidFramePayloadData,
		websocket.StatusMessageTooBig, websocket.StatusMandatoryExtension, closeViolation:
		return false
	default:
		return true
	}
	var broken *ProtocolError
	if errors.As(err, &broken) {
		return false
	}
	var connect *ConnectError
	if errors.As(err, &connect) && connect.Status != 0 {
		switch connect.Status {
		case 408, 425, 429, 500, 502, 503, 504:
			return true
		}
		return false
	}
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	if errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &record) {
		return false
	}
	var network net.Error
	var number syscall.Errno
	return errors.As(err, &network) || errors.As(err, &number) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, os.ErrDeadlineExceeded)
}

// backoff gives the delays between attempts: none at first, then growing, each between half and the whole of its step.
type backoff struct {
	step time.Duration
}

const (
	firstStep = 50 * time.Millisecond
	lastStep  = 5 * time.Second
)

func (b *backoff) reset() { b.step = 0 }

func (b *backoff) next() time.Duration {
	step := b.step
	switch {
	case step == 0:
		b.step = firstStep
		return 0
	case step*2 > lastStep:
		b.step = lastStep
	default:
		b.step = step * 2
	}
	return step/2 + rand.N(step/2)
}
