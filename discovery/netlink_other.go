//go:build !linux

package discovery

import "context"

func watchNetwork(ctx context.Context, f func()) { pollNetwork(ctx, f) }
