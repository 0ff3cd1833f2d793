package main

import "fmt"

// umaskText is how a request says which permissions this command's user takes
// from what it makes: the node may be a process with others.
func (a *app) umaskText() string { return fmt.Sprintf("%03o", a.umask) }
