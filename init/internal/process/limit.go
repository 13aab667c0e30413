package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// Limit is one value of a resource limit, in the resource's own unit. In JSON it is a number or "unlimited".
type Limit uint64

// Unlimited is no limit.
const Unlimited Limit = math.MaxUint64

// limits are the numbers of the resources, the same on amd64 and arm64.
var limits = map[string]int{
	"cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8, "as": 9,
	"locks": 10, "sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14, "rttime": 15,
}

// UnmarshalJSON reads a limit.
func (l *Limit) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte(`"unlimited"`)) {
		*l = Unlimited
		return nil
	}
	var value uint64
	if err := json.Unmarshal(text, &value); err != nil {
		return fmt.Errorf("unable to read a limit: %w", err)
	}
	*l = Limit(value)
	return nil
}

// MarshalJSON writes a limit.
func (l Limit) MarshalJSON() ([]byte, error) {
	if l == Unlimited {
		return []byte(`"unlimited"`), nil
	}
	return json.Marshal(uint64(l))
}
