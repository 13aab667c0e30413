package process

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// credential finds who runs a process, in the passwd and group files as we see them; nil for who we are ourselves. A uid
// that has no entry is in group 0, as Docker does it. Without groups, a user with an entry is in the groups that list it.
func credential(name string, groups []uint32) (*syscall.Credential, *wire.Error) {
	own := syscall.Credential{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid()), Groups: groups}
	if name == "" {
		if groups == nil {
			return nil, nil
		}
		return &own, nil
	}
	unknown := func(cause error) *wire.Error {
		return wire.Errorf(wire.UserUnknown, cause, "there is no user %q", name)
	}
	who, group, hasGroup := strings.Cut(name, ":")
	found := syscall.Credential{Groups: groups}
	uid, err := strconv.ParseUint(who, 10, 32)
	var entry *user.User
	if err == nil {
		found.Uid = uint32(uid)
		entry, err = user.LookupId(who)
	} else {
		if hasGroup {
			return nil, unknown(errors.New("a group goes with a number, not with a name"))
		}
		if entry, err = user.Lookup(who); err != nil {
			return nil, unknown(err)
		}
	}
	if err == nil {
		uid, failure := strconv.ParseUint(entry.Uid, 10, 32)
		gid, other := strconv.ParseUint(entry.Gid, 10, 32)
		if failure != nil || other != nil {
			return nil, unknown(errors.New("its entry in passwd is damaged"))
		}
		found.Uid, found.Gid = uint32(uid), uint32(gid)
		if groups == nil && !hasGroup {
			found.Groups = groupsOf(entry)
		}
	}
	if hasGroup {
		gid, err := strconv.ParseUint(group, 10, 32)
		if err != nil {
			return nil, unknown(err)
		}
		found.Gid = uint32(gid)
	}
	if os.Geteuid() != 0 && groups == nil && found.Uid == own.Uid && found.Gid == own.Gid {
		// Nothing to change, and nothing that we could change.
		return nil, nil
	}
	return &found, nil
}

func groupsOf(entry *user.User) []uint32 {
	names, err := entry.GroupIds()
	if err != nil {
		return nil
	}
	var groups []uint32
	for _, name := range names {
		if gid, err := strconv.ParseUint(name, 10, 32); err == nil {
			groups = append(groups, uint32(gid))
		}
	}
	return groups
}
