package worktree

import (
	"errors"
	"path"
	"testing"

	"github.com/bsvsync/bsv/internal/vfs"
	"github.com/bsvsync/bsv/object"
)

// Two mapped directories that stand in each other's place, as two disks that were
// mounted the other way round, are not taken for each other.
func TestMarkerNamesTheMapping(t *testing.T) {
	live := func(object.DeviceID) bool { return true }
	disk := vfs.NewMem()
	mapping := func(p, dir string) Mapping {
		return Mapping{Path: p, Dir: dir, Device: object.DeviceID{1}, FS: disk}
	}
	for _, p := range []string{"/a", "/b \n\xff"} {
		if err := errors.Join(disk.MkdirAll("mnt"+p, 0o755), mapping(p, "/mnt"+p).SetMarker(live)); err != nil {
			t.Fatal(err)
		}
		if err := mapping(p, "/mnt"+p).CheckMarker(); err != nil {
			t.Error(err)
		}
	}
	if err := mapping("/a", "/mnt/b \n\xff").CheckMarker(); !errors.Is(err, ErrNotMounted) {
		t.Errorf("the other's disk: %v", err)
	}
	if err := mapping("/b \n\xff", "/mnt/a").CheckMarker(); !errors.Is(err, ErrNotMounted) {
		t.Errorf("the other's disk: %v", err)
	}
	// Mapped again as another path it is that.
	again := mapping("/c", "/mnt/a")
	if err := errors.Join(again.Markable(live), again.SetMarker(live), again.CheckMarker()); err != nil {
		t.Error(err)
	}
	// Another device's stays foreign, and one without a path is that of any.
	other := again
	other.Device = object.DeviceID{2}
	if err := other.SetMarker(live); !errors.Is(err, ErrForeign) {
		t.Errorf("another device: %v", err)
	}
	f, err := disk.Create(path.Join("mnt/a", markerName), 0o644)
	if err == nil {
		_, err = f.Write([]byte(again.Device.String() + "\n"))
	}
	if err := errors.Join(err, mapping("/a", "/mnt/a").CheckMarker(), again.CheckMarker()); err != nil {
		t.Error(err)
	}
}
