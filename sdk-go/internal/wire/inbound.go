package wire

import "fmt"

// GapError says that bytes are missing: the next ones are at Offset, while Expected was expected.
type GapError struct {
	Expected int64
	Offset   int64
}

// Error says where the gap is.
func (e *GapError) Error() string {
	return fmt.Sprintf("data at offset %d leaves a gap; expected %d", e.Offset, e.Expected)
}

// Inbound judges what arrives on one direction of a stream. Its channels share one sequence of offsets, and each ends by
// itself. Bytes that came before are dropped, for a peer may send again what it is not sure of.
type Inbound struct {
	// Offset is the position of the next byte expected.
	Offset int64

	// Limit is the absolute position granted to the peer.
	Limit int64

	channels []uint8
	ends     map[uint8]int64
	reached  map[uint8]int64
}

// NewInbound returns an Inbound for the channels that flow this way.
func NewInbound(start, limit int64, channels ...uint8) *Inbound {
	return &Inbound{
		Offset: start, Limit: limit, channels: channels, ends: map[uint8]int64{}, reached: map[uint8]int64{},
	}
}

func (in *Inbound) flows(channel uint8) error {
	for _, known := range in.channels {
		if known == channel {
			return nil
		}
	}
	return fmt.Errorf("channel %d does not flow this way", channel)
}

// Data judges a DATA frame and returns the part of its payload that is new, possibly empty. After an error nothing has
// changed.
func (in *Inbound) Data(channel uint8, offset int64, payload []byte) ([]byte, error) {
	if err := in.flows(channel); err != nil {
		return nil, err
	}
	if offset > in.Offset {
		return nil, &GapError{Expected: in.Offset, Offset: offset}
	}
	payload = payload[min(in.Offset-offset, int64(len(payload))):]
	if len(payload) == 0 {
		return nil, nil
	}
	if end, ended := in.ends[channel]; ended {
		return nil, fmt.Errorf("channel %d ended at offset %d", channel, end)
	}
	end := in.Offset + int64(len(payload))
	if end > in.Limit {
		return nil, fmt.Errorf("data up to offset %d exceeds the credit of %d", end, in.Limit)
	}
	in.Offset = end
	in.reached[channel] = end
	return payload, nil
}

// EOF judges an EOF frame and reports whether the end is news.
func (in *Inbound) EOF(channel uint8, offset int64) (bool, error) {
	if err := in.flows(channel); err != nil {
		return false, err
	}
	if end, ended := in.ends[channel]; ended {
		if end == offset {
			return false, nil
		}
		return false, fmt.Errorf("channel %d ended at offset %d", channel, end)
	}
	if offset > in.Offset {
		return false, &GapError{Expected: in.Offset, Offset: offset}
	}
	// Channels that share offsets end wherever their own last byte was; one alone ends where the direction stands.
	floor := in.Offset
	if len(in.channels) > 1 {
		floor = in.reached[channel]
	}
	if offset < floor {
		return false, fmt.Errorf("channel %d cannot end at offset %d; it reached %d", channel, offset, floor)
	}
	in.ends[channel] = offset
	return true, nil
}

// Receiver keeps how far a peer may go. Limits are absolute, so a grant that is lost or repeated does no harm.
type Receiver struct {
	// Window is how much may be under way at a time.
	Window int64

	// Consumed is how much was taken out of the receiver's hands.
	Consumed int64

	// Limit is what was granted so far.
	Limit int64
}

// Consume notes that n more was taken and returns the limit to grant, or 0 while a grant would not be worth a frame:
// it is when half of the window or less is left.
func (r *Receiver) Consume(n int64) int64 {
	r.Consumed += n
	if r.Limit-r.Consumed > r.Window/2 || r.Consumed+r.Window <= r.Limit {
		return 0
	}
	r.Limit = r.Consumed + r.Window
	return r.Limit
}
