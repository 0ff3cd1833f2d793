package node

import (
	"slices"
	"strings"
)

// unmapped is what was given to directories of this device that setup.json does
// not map: that file is gone, or an older one was put back. Whoever removes a
// mapping forgets what it was given.
func (n *Node) unmapped() (Warning, bool) {
	setup, err := n.home.Setup()
	if err != nil { // that is told by whoever needs it
		return Warning{}, false
	}
	g, err := n.home.State().Given()
	if err != nil {
		return Warning{}, false
	}
	for _, m := range setup.Mappings {
		delete(g.Materialised, m.Path)
	}
	if len(g.Materialised) == 0 {
		return Warning{}, false
	}
	var paths, commands []string
	for path := range g.Materialised {
		paths, commands = append(paths, path), append(commands, "bsv map add "+quote(path)+" DIR")
	}
	slices.Sort(paths)
	slices.Sort(commands)
	text := "not mapped any more, so nothing of it is kept: " + strings.Join(paths, ", ")
	if !n.home.HasSetup() {
		text = "setup.json is gone: " + text
	}
	return Warning{text, "with the directory that holds this device's .bsvmap: " + strings.Join(commands, "; ")}, true
}

func (n *Node) warnUnmapped() {
	if w, ok := n.unmapped(); ok {
		n.log.Warn(w.Text, "hint", w.Command)
	}
}
