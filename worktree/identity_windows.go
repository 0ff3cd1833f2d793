package worktree

import "io/fs"

// fileOf: what os.Lstat gives names no file.
func fileOf(fs.FileInfo) fileID { return fileID{} }
