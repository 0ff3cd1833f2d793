package node

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/bsvsync/bsv/object"
)

// names is what the vault's devices are called, each told apart from the
// others.
type names map[object.DeviceID]string

// names reads the names. Those that several devices have get the end of the
// device's id.
func (n *Node) names(v *vault) names {
	out, shared := names{}, map[string]int{}
	for _, r := range v.view.registers() {
		dev, ok := strings.CutPrefix(r.Name, "name/")
		if !ok || r.Deleted || len(r.Value) > object.MaxTag { // no device takes such a name: it would be all that a terminal shows
			continue
		}
		if id, err := object.ParseDeviceID(dev); err == nil {
			out[id] = legible(r.Value)
			shared[out[id]]++
		}
	}
	for id, name := range out {
		if shared[name] > 1 {
			out[id] = name + " (" + endOf(id) + ")"
		}
	}
	return out
}

// of is a device's name, or its id.
func (l names) of(d object.DeviceID) string {
	if name, ok := l[d]; ok {
		return name
	}
	return d.String()
}

func (n *Node) nameOf(v *vault, d object.DeviceID) string { return n.names(v).of(d) }

// endOf is the end of a device's id: the beginning is the same for all.
func endOf(d object.DeviceID) string {
	s := d.String()
	return "…" + s[max(len(s)-8, 0):]
}

// shortDevice is the beginning of a device id, without what is the same for all.
func shortDevice(d object.DeviceID) string {
	s := d.String()
	return strings.TrimPrefix(s, "12D3KooW")[:8]
}

// deviceNamed finds a device by its id, its name, or its name as it is shown.
// example is a command with %s for a device: of a name that several have it is
// the hint.
func (n *Node) deviceNamed(v *vault, name, example string) (object.DeviceID, error) {
	if id, err := object.ParseDeviceID(name); err == nil {
		return id, nil
	}
	shown := n.names(v)
	var found []object.DeviceID
	for _, r := range v.view.registers() {
		dev, ok := strings.CutPrefix(r.Name, "name/")
		if !ok || r.Deleted {
			continue
		}
		id, err := object.ParseDeviceID(dev)
		if err == nil && (r.Value == name || shown[id] == name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return object.DeviceID{}, fail(NotFound, "bsv peers", "no device is named %q", name)
	case 1:
		return found[0], nil
	}
	pick := found[0]
	var ids []string
	for _, id := range found {
		text := id.String()
		if id == v.id {
			text += " (this device)"
		} else {
			pick = id
		}
		ids = append(ids, text)
	}
	return object.DeviceID{}, fail(Usage, "give the id: "+fmt.Sprintf(example, pick), "%d devices are named %q: %s", len(found), name, strings.Join(ids, ", "))
}

// rename gives this device a name, which every device of the vault then shows. The
// caller holds n.work.
func (n *Node) rename(ctx context.Context, v *vault, name string) error {
	if now, _ := v.view.get("name/" + v.id.String()); name == "" || name == now {
		return nil
	}
	if err := v.mayWrite(); err != nil {
		return err
	}
	v.view.join(v.view.set(v.id, "name/"+v.id.String(), name, false))
	if err := n.publish(ctx, v, object.ID{}); err != nil {
		return err
	}
	n.changed()
	return nil
}

// renamed is rename for who does not hold n.work.
func (n *Node) renamed(ctx context.Context, v *vault, name string) error {
	n.work.Lock()
	defer n.work.Unlock()
	return n.rename(ctx, v, name)
}

// reserved says why a tag or a device cannot have a name: where a REF is given
// it would be read as something else. "" when it can.
func reserved(name string) string {
	_, device := object.ParseDeviceID(name)
	snapshot, _ := object.ParsePrefix(name)
	switch {
	case name == "latest", strings.HasPrefix(name, "latest~"):
		return "latest is the state, and latest~1 what was before it"
	case strings.HasPrefix(name, "@{"):
		return "@{…} is a time"
	case strings.Contains(name, ".."):
		return "A..B is a range of snapshots"
	case strings.Contains(name, ":"):
		return "a : stands between a REF and a path"
	case device == nil, snapshot.Whole():
		return "that is an id"
	}
	return ""
}

// checkName reports whether a person may give a tag or a device a name. Other
// devices' names are taken as they are.
func checkName(what, name, hint string) error {
	if err := object.CheckTag(name); err != nil {
		return fail(Usage, hint, "a %s cannot be named %q: 1 to %d bytes of UTF-8 without slash, control characters or leading dash", what, name, object.MaxTag)
	}
	if why := reserved(name); why != "" {
		return fail(Usage, hint, "a %s cannot be named %q: %s", what, name, why)
	}
	return nil
}

// nameHint is how a device is given a name.
const nameHint = "choose another one: --name laptop"

// CheckName says what is wrong with a name for a device before anything is
// made; an empty one is none.
func CheckName(name string) error {
	if name == "" {
		return nil
	}
	return checkName("device", name, nameHint)
}

// mayBeNamed checks the name that a person gives this device, or config.toml.
func (n *Node) mayBeNamed(name string) error {
	if c := n.home.Config().Device.Name; name == "" && c != "" {
		return checkName("device", c, "choose another device.name in config.toml, or: "+nameHint)
	}
	return CheckName(name)
}

// deviceName is the name that was given, or the one in the device's vault,
// which it takes along into another one.
func (n *Node) deviceName(name string) string {
	if v, err := n.open(); err == nil && name == "" {
		name, _ = v.view.get("name/" + v.id.String())
	}
	if name == "" {
		name = n.home.Config().Device.Name
	}
	if name == "" {
		name = hostname()
	}
	return name
}

// hostname is the host's name, if it can be a device's.
func hostname() string {
	if name, err := os.Hostname(); err == nil && name != "" && CheckName(name) == nil {
		return name
	}
	return "device"
}
