package home

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// Account is who a file belongs to.
type Account struct {
	UID  int
	Name string // "#UID" when the system knows no name, as sudo -u takes it
}

func account(uid int) Account {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil && u.Username != "" {
		return Account{uid, u.Username}
	}
	return Account{uid, "#" + strconv.Itoa(uid)}
}

// Ours reports whether the account is the one that this process runs as.
func (a Account) Ours() bool { return a.UID == os.Geteuid() }

// AccountOf is the account of a name; ok is false where that cannot be told.
func AccountOf(name string) (a Account, ok bool) {
	fi, err := os.Lstat(name)
	if err != nil {
		return Account{}, false
	}
	uid, ok := uidOf(fi)
	if !ok {
		return Account{}, false
	}
	return account(uid), true
}

// AccountError is that root was about to write into another account's home:
// what root makes there keeps its owner out. It matches fs.ErrPermission.
type AccountError struct {
	Dir     string
	Account Account
	Command string // "bsv snapshot"
}

func (e *AccountError) Error() string {
	return fmt.Sprintf("the home %s is %s's, and this is root: what root makes there would lock %s out", e.Dir, e.Account.Name, e.Account.Name)
}

// Is reports whether target is fs.ErrPermission.
func (e *AccountError) Is(target error) bool { return target == fs.ErrPermission }

// checkAccount keeps root from writing into a home that another account made.
// A home that root made is root's, whoever owns the directory that it lies in,
// as in a container.
func checkAccount(p Paths, command string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if a, ok := AccountOf(p.DeviceKey()); ok && !a.Ours() {
		return &AccountError{Dir: p.Dir, Account: a, Command: command}
	}
	return nil
}
