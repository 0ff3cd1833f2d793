package vfs

import "golang.org/x/sys/windows"

// Free is the space that is left to this user on the file system of a name.
func (OS) Free(name string) (bytes uint64, ok bool) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, false
	}
	if err := windows.GetDiskFreeSpaceEx(p, &bytes, nil, nil); err != nil {
		return 0, false
	}
	return bytes, true
}
