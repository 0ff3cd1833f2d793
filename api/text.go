package api

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// JSON is UTF-8, names of files need not be. A string of a request that is
// no UTF-8 travels as rawPrefix and its bytes in base64, and so does one that
// begins with rawPrefix by itself.
const rawPrefix = "b64:"

// pack makes every string of a request safe for JSON; v is a copy that the
// caller owns.
func pack(v reflect.Value) error {
	return strs(v, func(s string) (string, error) {
		if utf8.ValidString(s) && !strings.HasPrefix(s, rawPrefix) {
			return s, nil
		}
		return rawPrefix + base64.StdEncoding.EncodeToString([]byte(s)), nil
	})
}

// unpack is the opposite of pack.
func unpack(v reflect.Value) error {
	return strs(v, func(s string) (string, error) {
		text, ok := strings.CutPrefix(s, rawPrefix)
		if !ok {
			return s, nil
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", fmt.Errorf("%q: %w", s, err)
		}
		return string(b), nil
	})
}

// strs replaces the strings and lists of strings of a struct. Lists are
// copied, not changed.
func strs(v reflect.Value, f func(string) (string, error)) error {
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		switch x := v.Field(i); {
		case x.Kind() == reflect.String:
			s, err := f(x.String())
			if err != nil {
				return err
			}
			x.SetString(s)
		case x.Kind() == reflect.Slice && x.Type().Elem().Kind() == reflect.String && !x.IsNil():
			list := reflect.MakeSlice(x.Type(), x.Len(), x.Len())
			for j := range x.Len() {
				s, err := f(x.Index(j).String())
				if err != nil {
					return err
				}
				list.Index(j).SetString(s)
			}
			x.Set(list)
		}
	}
	return nil
}
